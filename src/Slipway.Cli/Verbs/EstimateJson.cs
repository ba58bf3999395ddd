using System.Text.Json.Nodes;
using Slipway.Evaluation.Statistics;

namespace Slipway.Cli.Verbs;

/// <summary>Writes measured values as JSON.</summary>
internal static class EstimateJson
{
    public static JsonObject Of(Estimate estimate) => new()
    {
        ["value"] = Number(estimate.Value),
        ["low"] = Number(estimate.Low),
        ["high"] = Number(estimate.High),
        ["interval"] = estimate.Method,
    };

    // JSON has no word for what is not a number.
    private static JsonValue? Number(double value) => double.IsFinite(value) ? JsonValue.Create(value) : null;
}
