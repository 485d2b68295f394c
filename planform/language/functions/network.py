"""Addresses and prefixes, IPv4 and IPv6."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import TypeAlias

from planform.core.values import Value
from planform.language.errors import Unsuitable

STRUCTURAL = RAW = ()
Network: TypeAlias = IPv4Network | IPv6Network


def cidrhost(prefix: str, hostnum: int) -> Value:
    network = _network(prefix)
    if not -network.num_addresses <= hostnum < network.num_addresses:
        raise Unsuitable(f"prefix of {network.prefixlen} does not accommodate a host numbered {hostnum}.", argument=1)
    return str(network[hostnum])


def cidrnetmask(prefix: str) -> Value:
    network = _network(prefix)
    if network.version == 6:
        raise Unsuitable(f"IPv6 addresses cannot have a netmask: {prefix}.", argument=0)
    return str(network.netmask)


def cidrsubnet(prefix: str, newbits: int, netnum: int) -> Value:
    network = _network(prefix)
    length = network.prefixlen + newbits
    if newbits < 0 or length > network.max_prefixlen:
        raise Unsuitable(
            f"insufficient address space to extend prefix of {network.prefixlen} by {newbits}.", argument=1
        )
    if not 0 <= netnum < 1 << newbits:
        raise Unsuitable(f"prefix extension of {newbits} does not accommodate a subnet numbered {netnum}.", argument=2)
    return f"{network.network_address + (netnum << (network.max_prefixlen - length))}/{length}"


def cidrsubnets(prefix: str, *newbits: int) -> Value:
    network = _network(prefix)
    position, end = int(network.network_address), int(network.broadcast_address) + 1
    subnets: list[Value] = []
    for index, bits in enumerate(newbits, start=1):
        length = network.prefixlen + bits
        if bits < 1:
            raise Unsuitable("must extend prefix by at least one bit.", argument=index)
        if length > network.max_prefixlen:
            raise Unsuitable(
                f"insufficient address space to extend prefix of {network.prefixlen} by {bits}.", argument=index
            )
        size = 1 << (network.max_prefixlen - length)
        start = -(-position // size) * size
        if start + size > end:
            raise Unsuitable(
                f"not enough remaining address space for a subnet with a prefix of {length} bits.", argument=index
            )
        subnets.append(f"{type(network.network_address)(start)}/{length}")
        position = start + size
    return subnets


def _network(prefix: str) -> Network:
    try:
        if not prefix.rpartition("/")[2].isdecimal() or "/" not in prefix:
            raise ValueError
        return ip_network(prefix, strict=False)
    except ValueError:
        raise Unsuitable(f'"{prefix}" is not a CIDR prefix.', "It looks like 10.0.0.0/16.", argument=0) from None
