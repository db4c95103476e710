"""What is asked: of Meterlake as a call, of the peers as SQL or as what polars_queries.py reads."""

# Fields of the EA CSV file, in its order, with their columns and whether they are whole numbers.
CSV_FIELDS = [
    ("AccountId", "account_id"), ("AccountName", "account_name"), ("AccountOwnerEmail", "account_owner_id"),
    ("AdditionalInfo", "additional_info"), ("ConsumedQuantity", "quantity"), ("ConsumedService", "consumed_service"),
    ("ConsumedServiceId", "consumed_service_id"), ("Cost", "billed_cost"), ("CostCenter", "cost_center"),
    ("Date", "usage_date"), ("DepartmentId", "department_id"), ("DepartmentName", "invoice_section_name"),
    ("InstanceId", "resource_id"), ("MeterCategory", "meter_category"), ("MeterId", "meter_id"),
    ("MeterName", "meter_name"), ("MeterRegion", "meter_region"), ("MeterSubCategory", "meter_subcategory"),
    ("Product", "product_name"), ("ProductId", "product_number"), ("ResourceGroup", "resource_group"),
    ("ResourceLocation", "resource_location"), ("ResourceLocationId", "resource_location_id"),
    ("ResourceRate", "effective_price"), ("ServiceAdministratorId", "service_administrator_id"),
    ("ServiceInfo1", "service_info1"), ("ServiceInfo2", "service_info2"),
    ("StoreServiceIdentifier", "store_service_identifier"), ("SubscriptionGuid", "subscription_id"),
    ("SubscriptionId", "subscription_number"), ("SubscriptionName", "subscription_name"), ("Tags", "tags"),
    ("UnitOfMeasure", "unit_of_measure"),
]  # fmt: skip
# Fields that a JSON row of version 3 has besides.
JSON_MORE = [
    ("serviceName", "service_name"), ("serviceTier", "service_tier"), ("location", "location"),
    ("chargesBilledSeparately", "charges_billed_separately"), ("partNumber", "part_number"),
    ("resourceGuid", "resource_guid"), ("offerId", "offer_id"),
]  # fmt: skip
NUMBERS = {"account_id", "consumed_service_id", "department_id", "product_number", "resource_location_id", "subscription_number"}
DECIMALS = {"quantity", "billed_cost", "effective_price"}

# Fields of analytics that the groupings use, with their columns.
FIELDS = {
    "customerTenantId": "customer_tenant_id", "customerName": "customer_name", "subscriptionId": "subscription_id",
    "subscriptionName": "subscription_name", "usageDate": "usage_date", "resourceLocation": "resource_location",
    "meterCategory": "meter_category", "meterSubcategory": "meter_subcategory", "meterUnit": "unit_of_measure",
}  # fmt: skip
# Columns that a native table of a peer holds for the groupings.
NATIVE_COLUMNS = [*FIELDS.values(), "charge_type", "cost_basis", "quantity"]
# Rows of a page of analytics.
TOP = 10_000


def json_fields() -> list[tuple[str, str]]:
    return [(name[0].lower() + name[1:], column) for name, column in CSV_FIELDS] + JSON_MORE


def month_sql(source: str, form: str) -> str:
    """All charges of a month with the fields of the answer, in no order."""
    fields = CSV_FIELDS if form == "csv" else json_fields()

    def field(name: str, column: str) -> str:
        number = column in NUMBERS or column in DECIMALS
        return f'coalesce({column}, 0) as "{name}"' if number else f'{column} as "{name}"'

    return f"select {', '.join(field(*each) for each in fields)} from {source}"


class Grouping:
    """A call of analytics that groups, as every contender takes it."""

    def __init__(self, name: str, group: list[str], order: list[tuple[str, bool]], level: str = "day", where: list | None = None):
        self.name, self.group, self.order, self.level = name, group, order, level
        # (field, operator, value): eq, ge, contains.
        self.where = where or []

    def path(self, varied: int) -> str:
        """The call; `varied` makes each one another, before which no charges are, so no kept answer is given again."""
        from urllib.parse import urlencode

        def condition(field: str, operator: str, value: str) -> str:
            if operator == "contains":
                return f"contains({field},'{value}')"
            return f"{field} {operator} {value}" if field == "usageDate" else f"{field} {operator} '{value}'"

        words = {"groupby": ",".join(self.group), "startDate": f"{1900 + varied // 336}-{1 + varied // 28 % 12:02}-{1 + varied % 28:02}"}
        words["orderby"] = ", ".join(f"{field} {'desc' if down else 'asc'}" for field, down in self.order)
        if self.level != "day":
            words["aggregationLevel"] = self.level
        if self.where:
            words["filter"] = " and ".join(condition(*each) for each in self.where)
        return f"/partner/v1/analytics/azureusage?{urlencode(words)}"

    def full_order(self) -> list[tuple[str, bool]]:
        """With all fields behind, so that the first rows are the same ones everywhere."""
        named = [field for field, _ in self.order]
        return self.order + [(field, False) for field in self.group if field not in named]

    def sql(self, source: str, dialect: str) -> str:
        month = {"duckdb": "date_trunc('month', usage_date)::date", "chdb": "toStartOfMonth(usage_date)"}[dialect]

        def field(name: str) -> str:
            return month if name == "usageDate" and self.level == "month" else FIELDS[name]

        def condition(name: str, operator: str, value: str) -> str:
            if operator == "contains":
                return f"{FIELDS[name]} like '%{value}%'"
            return f"{FIELDS[name]} {'=' if operator == 'eq' else '>='} '{value}'"

        where = ["customer_tenant_id <> ''", "charge_type = 'Usage'", "cost_basis in ('actual', 'both')"]
        where += [condition(*each) for each in self.where]
        chosen = ", ".join(f"{field(name)} as g{at}" for at, name in enumerate(self.group))
        keys = ", ".join(f"g{at}" for at in range(len(self.group)))

        def ordered(name: str, down: bool) -> str:
            return ("total" if name == "Quantity" else f"g{self.group.index(name)}") + (" desc" if down else "")

        order = ", ".join(ordered(*each) for each in self.full_order())
        return (
            f"select {chosen}, sum(quantity) as total from {source} where {' and '.join(where)}"
            f" group by {keys} order by {order} limit {TOP}"
        )

    def plain(self, files: list[str]) -> dict:
        """As polars_queries.py reads it."""
        return {
            "files": files, "group": [FIELDS[name] for name in self.group], "level": self.level, "top": TOP,
            "where": [[FIELDS[name], operator, value] for name, operator, value in self.where],
            "order": [["total" if name == "Quantity" else FIELDS[name], down] for name, down in self.full_order()],
        }  # fmt: skip


def groupings(customer: str) -> list[Grouping]:
    """Eight groupings and filters over all months, from one column to five."""
    most = [("Quantity", True)]
    return [
        Grouping("by category", ["meterCategory"], most),
        Grouping("by customer", ["customerName"], most),
        Grouping("by month", ["usageDate"], [("usageDate", False)], "month"),
        Grouping("by customer and category", ["customerTenantId", "meterCategory"], most),
        Grouping("by month, category and region", ["usageDate", "meterCategory", "resourceLocation"], [("usageDate", True)], "month"),
        Grouping(
            "one customer by subscription, category and subcategory",
            ["subscriptionId", "meterCategory", "meterSubcategory"], most, where=[("customerTenantId", "eq", customer)],
        ),
        Grouping(
            "names with a filter on text and days",
            ["customerName", "subscriptionName", "meterCategory", "resourceLocation"], most,
            where=[("meterCategory", "contains", "Azure"), ("usageDate", "ge", "2024-05-15")],
        ),
        Grouping(
            "a year by five columns",
            ["usageDate", "customerTenantId", "subscriptionId", "meterCategory", "meterUnit"],
            [("usageDate", True), ("Quantity", True)], "month", where=[("usageDate", "ge", "2024-11-01")],
        ),
    ]  # fmt: skip
