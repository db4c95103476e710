"""Small source files, of November 2024, whose totals the tests know."""

import csv
import json

PARTNER = "ac28afda-b2b1-4ab0-afc4-05fde7ef0594"
CUSTOMER = "f35450b9-2112-4a8f-aee9-a768b08e2059"
TENANT = "3d5b7f0a-5b1e-4c55-9f8e-6f2a8e0f9b11"
SUBSCRIPTION = "1caaa5a3-2b66-438e-8ab4-bce37d518c51"
APPLICATION = "c37c2703-873d-4a5d-8772-532eb94710b5"


def day_of(name):
    """The day in November of a resource `…-N`: they go round."""
    return int(name.rsplit("-", 1)[1]) % 28 + 1


def cost_export(path, costs):
    """An actual cost export of EA account 100: a line for each resource, with its cost."""
    lines = [
        {
            "BillingAccountId": "100",
            "BillingAccountName": "Contoso",
            "BillingPeriodStartDate": "11/01/2024",
            "BillingPeriodEndDate": "11/30/2024",
            "SubscriptionId": SUBSCRIPTION,
            "SubscriptionName": "Production",
            "Date": f"11/{day_of(name):02}/2024",
            "ProductName": "Virtual Machines - B1s",
            "MeterId": "f31064a2-ed95-4e11-8b69-270f2fc4fbdd",
            "MeterCategory": "Virtual Machines",
            "MeterSubCategory": "BS Series",
            "MeterName": "B1s",
            "MeterRegion": "UK South",
            "Quantity": "1.5",
            "EffectivePrice": "2",
            "CostInBillingCurrency": cost,
            "BillingCurrencyCode": "EUR",
            "ResourceLocation": "uksouth",
            "ConsumedService": "Microsoft.Compute",
            "ResourceId": name,
            "AdditionalInfo": "",
            "Tags": '"env": "prod"',
            "UnitOfMeasure": "1 Hour",
            "ResourceGroup": "rg",
            "ChargeType": "Usage",
            "IsAzureCreditEligible": "True",
        }
        for name, cost in costs.items()
    ]
    return write_csv(path, lines)


def rated_usage(path, quantities):
    """A partner's billed daily rated usage: a line for each meter sub-category, with its quantity."""
    lines = [
        {
            "PartnerId": PARTNER,
            "PartnerName": "Brightwater Cloud Services",
            "CustomerId": CUSTOMER,
            "CustomerName": "Alder Ridge Manufacturing",
            "CustomerDomainName": "alderridge.example",
            "CustomerCountry": "US",
            "MpnId": "3615806",
            "Tier2MpnId": "",
            "InvoiceNumber": "G02024110",
            "ProductId": "DZH318Z0BPS6",
            "SkuId": "0001",
            "AvailabilityId": "DZH318Z0BPHR",
            "SkuName": "Azure plan",
            "ProductName": "Azure plan",
            "PublisherName": "Microsoft",
            "PublisherId": "",
            "SubscriptionDescription": "Azure plan",
            "SubscriptionId": SUBSCRIPTION,
            "ChargeStartDate": "2024-11-01T00:00:00Z",
            "ChargeEndDate": "2024-11-30T00:00:00Z",
            "UsageDate": f"2024-11-{day_of(name):02}T00:00:00Z",
            "MeterType": "1 Hour",
            "MeterCategory": "Azure App Service",
            "MeterId": "eaba4fea-0cda-5a99-a55c-bb48fb55a5cd",
            "MeterSubCategory": name,
            "MeterName": "P1 v3 App",
            "MeterRegion": "West Europe",
            "Unit": "1 Hour",
            "ResourceLocation": "westeurope",
            "ConsumedService": "Microsoft.Web",
            "ResourceGroup": "rg",
            "ResourceURI": "/subscriptions/x/resourceGroups/rg/providers/Microsoft.Web/serverfarms/plan",
            "ChargeType": "new",
            "UnitPrice": "1",
            "Quantity": quantity,
            "UnitType": "1 Hour",
            "BillingPreTaxTotal": quantity,
            "BillingCurrency": "USD",
            "PricingPreTaxTotal": quantity,
            "PricingCurrency": "USD",
            "ServiceInfo1": "",
            "ServiceInfo2": "",
            "Tags": "",
            "AdditionalInfo": "",
            "EffectiveUnitPrice": "1",
            "PCToBCExchangeRate": "1",
            "PCToBCExchangeRateDate": "2024-11-01T00:00:00Z",
            "EntitlementId": SUBSCRIPTION,
            "EntitlementDescription": "Production",
            "PartnerEarnedCreditPercentage": "15",
            "CreditPercentage": "100",
            "CreditType": "Azure Credit Applied",
            "BenefitOrderId": "",
            "BenefitId": "",
            "BenefitType": "",
        }
        for name, quantity in quantities.items()
    ]
    return write_csv(path, lines)


def write_csv(path, lines):
    """Writes dictionaries of the same keys."""
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(lines[0]))
        writer.writeheader()
        writer.writerows(lines)
    return path


def b2c_events(path, activity, counts):
    """Graph `directoryAudits` of the B2C service: so many records of an activity on each day of November 2024."""
    records = [
        {
            "id": f"B2C_{activity[:3]}_{day}_{number}",
            "category": "Authentication",
            "correlationId": "00000000-0000-0000-0000-000000000000",
            "result": "success",
            "activityDisplayName": activity,
            "activityDateTime": f"2024-11-{day:02}T09:{number // 60 % 60:02}:{number % 60:02}Z",
            "loggedByService": "B2C",
            "initiatedBy": {"user": None, "app": {"servicePrincipalName": APPLICATION}},
            "targetResources": [{"id": f"user-{number}", "type": "User"}],
            "additionalDetails": [
                {"key": "TenantId", "value": TENANT},
                {"key": "ApplicationId", "value": APPLICATION},
            ],
        }
        for day, count in counts.items()
        for number in range(count)
    ]
    path.write_text(json.dumps({"value": records}), encoding="utf-8")
    return path


def users(path, count):
    """A snapshot of so many local users."""
    path.write_text(
        json.dumps(
            {
                "value": [
                    {
                        "id": f"00000000-0000-4000-8000-{number:012}",
                        "identities": [{"signInType": "emailAddress", "issuer": "contoso.example", "issuerAssignedId": f"{number}"}],
                    }
                    for number in range(count)
                ]
            }
        ),
        encoding="utf-8",
    )
    return path
