using System.Text.Json.Nodes;
using Slipway.Evaluation.Tasks;

namespace Slipway.Cli.Verbs;

/// <summary>Writes what a task came to as JSON.</summary>
internal static class TaskJson
{
    public static JsonObject Of(TaskReport report) => new()
    {
        ["task"] = report.Task,
        ["kind"] = report.Kind,
        ["items"] = report.Items,
        ["scores"] = new JsonObject(report.Scores.Select(
            score => KeyValuePair.Create(score.Name, (JsonNode?)EstimateJson.Of(score.Estimate)))),
        ["provenance"] = report.Provenance.DeepClone(),
        ["resumed"] = report.Resumed,
        ["seconds"] = Math.Round(report.Elapsed.TotalSeconds, 2),
    };
}
