using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Slipway.Evaluation.Tasks;

/// <summary>Writes numbers of results to JSON, which has no word for those that are not finite.</summary>
internal static class ResultNumber
{
    public static JsonNode ToJson(double value) => double.IsFinite(value)
        ? JsonValue.Create(value)
        : JsonValue.Create(value.ToString(CultureInfo.InvariantCulture));

    /// <exception cref="FormatException">The text is no number.</exception>
    /// <exception cref="InvalidOperationException">The node is neither a number nor a text.</exception>
    public static double FromJson(JsonNode node) => node.GetValueKind() == JsonValueKind.Number
        ? (double)node
        : double.Parse((string)node!, CultureInfo.InvariantCulture);
}
