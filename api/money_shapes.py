"""Money in bodies: amounts and exact decimals as text, and the lines that prices are made of."""

from decimal import Decimal
from typing import Annotated, Any

from pydantic import ConfigDict, Field, StringConstraints

from api.shapes import DecimalOut, Incoming, Outgoing
from portal.changes.models import TaxCategory
from portal.changes.pricing import UNITS, Line, Sums
from portal.money import Money

AmountText = Annotated[
    str,
    StringConstraints(pattern=r"^-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,3})?$"),
    Field(examples=["1234.50"], description="An amount as text, with no more places than its currency has."),
]
DecimalText = Annotated[
    str,
    StringConstraints(pattern=r"^-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,9})?$"),
    Field(examples=["2.5"], description="An exact decimal as text."),
]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$"), Field(examples=["EUR"])]
Unit = Annotated[
    str,
    StringConstraints(pattern=f"^({'|'.join(sorted(UNITS))})$"),
    Field(examples=["HUR"], description="A code of UN/ECE Recommendation 20."),
]


class MoneyOut(Outgoing):
    """An amount."""

    amount: str
    currency: str


class LineIn(Incoming):
    """Work at a price. A negative quantity takes something away; the rate of tax is in percent."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"text": "Development", "quantity": "12.5", "unit": "HUR", "unit_price": "96.00", "tax_category": "S",
                 "tax_rate": "19"}
            ]
        }
    )  # fmt: skip

    text: Annotated[str, StringConstraints(min_length=1, max_length=500)]
    quantity: DecimalText
    unit: Unit
    unit_price: DecimalText
    tax_category: Annotated[str, StringConstraints(pattern=f"^({'|'.join(TaxCategory)})$")]
    tax_rate: DecimalText


class LineOut(Outgoing):
    """A line with its net."""

    text: str
    quantity: DecimalOut
    unit: str
    unit_price: DecimalOut
    tax_category: TaxCategory
    tax_rate: DecimalOut
    net: MoneyOut


class TaxOut(Outgoing):
    """The tax of one category and rate."""

    category: TaxCategory
    rate: DecimalOut
    net: MoneyOut
    tax: MoneyOut


class SumsOut(Outgoing):
    """What lines come to: net, tax by rate, and with tax."""

    net: MoneyOut
    taxes: list[TaxOut]
    gross: MoneyOut


def money_out(money: Money) -> MoneyOut:
    """An amount as the API shows it."""
    return MoneyOut(**money.shown())


def line_out(line: Line) -> LineOut:
    """A line as the API shows it."""
    fields: dict[str, Any] = {name: getattr(line, name) for name in LineOut.model_fields if name != "net"}
    return LineOut(**fields, net=money_out(line.net))


def sums_out(sums: Sums) -> SumsOut:
    """Sums as the API shows them."""
    taxes = [
        TaxOut(category=one.category, rate=Decimal(one.rate), net=money_out(one.net), tax=money_out(one.tax))
        for one in sums.taxes
    ]
    return SumsOut(net=money_out(sums.net), taxes=taxes, gross=money_out(sums.gross))


def given_deep(model: Incoming) -> dict[str, Any]:
    """The fields that were sent, those of what lies inside as well, dates and numbers as the model read them."""
    return {field: _given(value) for field, value in model.given().items()}


def _given(value: Any) -> Any:
    if isinstance(value, Incoming):
        return given_deep(value)
    return [_given(one) for one in value] if isinstance(value, list) else value
