"""Prices of training instances, from the Price List API of AWS."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias

from planform.core.values import Object
from planform.providers.aws.clients import Clients

Where: TypeAlias = tuple[str, str]  # region and instance type

SERVICE = "AmazonSageMaker"
USAGE = (
    "Train:"  # a usage type is a short name of the region, what it is used for, and the type: USW2-Train:ml.m5.xlarge
)
AT_ONCE = 8


def region_of(settings: Object) -> str:
    """The region that a provider works in.

    Raises:
        ProviderError: none is configured.
    """
    return Clients(settings).region()


def prices_of(settings: Object, wanted: Sequence[Where]) -> dict[Where, float | None]:
    """US dollars for an hour of training on demand; None for what AWS publishes no such price of.

    Raises:
        ProviderError: AWS could not be asked.
    """
    places = {region: Clients({**settings, "region": _endpoint(region)}) for region, _ in wanted}
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        return dict(zip(wanted, pool.map(lambda where: _price(places[where[0]], *where), wanted), strict=True))


def _endpoint(region: str) -> str:
    """The API is served in a few regions, each of which knows all regions of its partition."""
    return "cn-northwest-1" if region.startswith("cn-") else "us-east-1"


def _price(clients: Clients, region: str, kind: str) -> float | None:
    filters = [
        {"Type": "TERM_MATCH", "Field": "regionCode", "Value": region},
        {"Type": "CONTAINS", "Field": "usagetype", "Value": f"{USAGE}{kind}"},
    ]
    for text in clients.pages("pricing", "get_products", "PriceList", ServiceCode=SERVICE, Filters=filters):
        product = json.loads(text)
        usage = product["product"]["attributes"].get("usagetype", "")
        if usage.rpartition("-" + USAGE)[2] == kind or usage == USAGE + kind:
            return _hourly(product)
    return None


def _hourly(product: Mapping[str, Any]) -> float | None:
    """The price of an hour on demand, in the document of a product; in dollars or not at all."""
    prices = [
        float(dimension["pricePerUnit"]["USD"])
        for term in product.get("terms", {}).get("OnDemand", {}).values()
        for dimension in term["priceDimensions"].values()
        if "USD" in dimension["pricePerUnit"]
    ]
    return max(prices, default=None)
