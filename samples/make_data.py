"""Write the sample data: length-delimited messages, the same bytes at every run."""

import random
from collections.abc import Iterator
from pathlib import Path

from google.protobuf import message_factory
from google.protobuf.internal.encoder import _VarintBytes
from google.protobuf.message import Message

from protolith import DescriptorSet, compile_protos, read_sources

HERE = Path(__file__).parent / "shop"
START = 1_790_000_000


def main() -> None:
    chance = random.Random(7)
    orders = compile_protos(read_sources(HERE / "shop" / "orders.proto"))
    clicks = compile_protos(read_sources(HERE / "clicks.proto"))
    write(HERE / "orders.binpb", make_orders(orders, chance))
    write(HERE / "clicks.binpb", make_clicks(clicks, chance))


def write(path: Path, messages: Iterator[Message]) -> None:
    with path.open("wb") as out:
        for message in messages:
            data = message.SerializeToString(deterministic=True)
            out.write(_VarintBytes(len(data)) + data)


def make_orders(descriptors: DescriptorSet, chance: random.Random) -> Iterator[Message]:
    order_class = message_factory.GetMessageClass(descriptors.message("shop.Order"))
    for number in range(1000):
        order = order_class(order_id=f"o-{number:05}", channel=chance.randint(1, 3))
        order.ordered_at.seconds = START + number * 137
        order.ordered_at.nanos = chance.randrange(1_000_000) * 1000
        order.trace_id = chance.randbytes(16)
        if order.channel != 3:
            city, country = chance.choice([("Berlin", "DE"), ("Lyon", "FR"), ("Turin", "IT")])
            order.ship_to.street = f"{chance.randint(1, 99)} High Street"
            order.ship_to.city, order.ship_to.country = city, country
        for _ in range(chance.randint(1, 4)):
            line = order.lines.add(sku=f"sku-{chance.randint(1, 40):03}")
            line.quantity = chance.randint(1, 5)
            line.price.currency, line.price.cents = "EUR", chance.randint(99, 19_999)
        if chance.random() < 0.7:
            order.card_brand = chance.choice(["visa", "mastercard", "amex"])
        else:
            order.voucher = f"v{chance.randint(1000, 9999)}"
        if chance.random() < 0.2:
            order.discount = chance.choice([0.05, 0.1, 0.25])
        if chance.random() < 0.3:
            order.labels["campaign"] = chance.choice(["spring", "autumn"])
        yield order


def make_clicks(descriptors: DescriptorSet, chance: random.Random) -> Iterator[Message]:
    click_class = message_factory.GetMessageClass(descriptors.message("shop.Click"))
    for number in range(5000):
        click = click_class(session=f"s{chance.randint(1, 400)}")
        click.at.seconds = START + number * 27
        click.page = chance.choice(["/", "/search", "/basket", "/pay"])
        if chance.random() < 0.9:
            click.load_ms = int(chance.lognormvariate(5, 0.6))
        yield click


if __name__ == "__main__":
    main()
