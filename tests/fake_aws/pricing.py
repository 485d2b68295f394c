"""GetProducts of the Price List API: documents as AWS writes them, each a string of JSON, and its filters."""

from __future__ import annotations

import json
from typing import Any

from tests.fake_aws.world import Refused, World

# Usage type -> region and dollars an hour. Other uses of an instance, and longer names, cost something else.
PRICES = {
    "USW2-Train:ml.m5.xlarge": ("us-west-2", "0.2300000000"),
    "USW2-Host:ml.m5.xlarge": ("us-west-2", "0.2400000000"),
    "USW2-Notebk:ml.m5.xlarge": ("us-west-2", "0.2500000000"),
    "USW2-Train:ml.m5.xlarge.reserved": ("us-west-2", "0.1000000000"),
    "USW2-Train:ml.p4d.24xlarge": ("us-west-2", "37.6885000000"),
    "EUW3-Train:ml.m5.xlarge": ("eu-west-3", "0.2690000000"),
}


def answer(world: World, operation: str, given: dict[str, Any]) -> dict[str, Any]:
    if operation != "GetProducts":
        raise Refused("AccessDeniedException", f"not authorized to perform: pricing:{operation}")
    products = [product(usage, *price) for usage, price in {**PRICES, **world.of("price")}.items()]
    chosen = [
        json.dumps(item)
        for item in products
        if all(fits(item["product"]["attributes"], rule) for rule in given["Filters"])
    ]
    page = world.paged(chosen, given.get("NextToken"), "PriceList", given.get("MaxResults"))
    token = page.pop("nextToken", None)
    return {"FormatVersion": "aws_v1", **page, **({"NextToken": token} if token else {})}


def product(usage: str, region: str, dollars: str) -> dict[str, Any]:
    attributes = {
        "servicecode": "AmazonSageMaker",
        "regionCode": region,
        "usagetype": usage,
        "operation": "RunInstance",
    }
    dimension = {"unit": "Hrs", "beginRange": "0", "endRange": "Inf", "pricePerUnit": {"USD": dollars}}
    return {
        "product": {"productFamily": "ML Instance", "attributes": attributes, "sku": usage},
        "serviceCode": "AmazonSageMaker",
        "terms": {
            "OnDemand": {f"{usage}.JRTCKXETXF": {"priceDimensions": {f"{usage}.JRTCKXETXF.6YS6EN2CT7": dimension}}}
        },
    }


def fits(attributes: dict[str, str], rule: dict[str, str]) -> bool:
    value = attributes.get(rule["Field"], "")
    return rule["Value"] in value if rule["Type"] == "CONTAINS" else rule["Value"] == value
