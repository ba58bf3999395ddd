using System.Text.Json.Nodes;
using Slipway.Cli.Verbs;
using Slipway.Evaluation.Comparison;

namespace Slipway.Cli.Reports;

/// <summary>Writes a comparison as JSON.</summary>
internal static class ComparisonJson
{
    public static JsonObject Of(ComparisonReport report) => new()
    {
        ["packages"] = new JsonArray([.. report.Packages.Select(package => (JsonNode)Of(package))]),
        ["seconds"] = Math.Round(report.Elapsed.TotalSeconds, 2),
    };

    private static JsonObject Of(ComparedPackage package) => new()
    {
        ["name"] = package.Name,
        ["path"] = package.Path,
        ["bytes"] = package.Bytes,
        ["provenance"] = package.Provenance.DeepClone(),
        ["scores"] = new JsonArray([.. package.Scores.Select(score => (JsonNode)Of(score))]),
    };

    private static JsonObject Of(ComparedScore score)
    {
        var json = EstimateJson.Of(score.Estimate);
        json["source"] = score.Source;
        json["name"] = score.Name;
        json["higher_is_better"] = score.HigherIsBetter;
        return json;
    }
}
