using System.Text.Json.Nodes;
using Slipway.Cli.Terminal;
using Slipway.Export;

namespace Slipway.Cli.Modules;

/// <summary>Quantizes a graph alone, and tells what that does to its outputs.</summary>
internal static class GraphQuantization
{
    public static void Run(
        VerbContext context, string graph, string output, QuantizeOptions options, string? input, bool asJson,
        CancellationToken cancellationToken)
    {
        var path = output.EndsWith(".onnx", StringComparison.OrdinalIgnoreCase)
            ? output : Path.Combine(output, "model.onnx");
        var made = OnnxQuantizer.Quantize(graph, path, options, progress: null, cancellationToken);
        var score = input is null ? [] : GraphRun.Compare(context, graph, made.Path, input, cancellationToken);
        if (asJson)
        {
            context.WriteJson(new JsonObject
            {
                ["path"] = made.Path,
                ["data"] = made.DataPath,
                ["bytes_before"] = made.BytesBefore,
                ["bytes_after"] = made.BytesAfter,
                ["matrices"] = new JsonObject(
                    made.Matrices.Select(item => KeyValuePair.Create(item.Key, (JsonNode?)item.Value))),
                ["outputs"] = new JsonArray([.. score.Select(item => (JsonNode)new JsonObject
                {
                    ["name"] = item.Name, ["absolute"] = item.Absolute, ["relative"] = item.Relative,
                })]),
            });
            return;
        }

        context.Output.WriteLine(
            $"'{made.Path}': {made.Matrices.Count} matrices, {Amounts.Bytes(made.BytesBefore)} of weights are now "
            + $"{Amounts.Bytes(made.BytesAfter)}");
        foreach (var (name, absolute, relative) in score)
        {
            context.Output.WriteLine($"{name}: differs by {absolute:g3}, {relative:g3} of its scale");
        }
    }
}
