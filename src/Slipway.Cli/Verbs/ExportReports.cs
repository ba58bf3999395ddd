using System.Text.Json.Nodes;
using Slipway.Cli.Terminal;
using Slipway.Export;
using Slipway.Export.Quantization;

namespace Slipway.Cli.Verbs;

/// <summary>Tells what an export or a quantization made.</summary>
internal static class ExportReports
{
    private const int MaxListed = 20;
    private const string Prequantized = "prequantized";

    public static void Write(VerbContext context, ExportReport report, bool asJson)
    {
        foreach (var warning in report.Warnings)
        {
            context.Error.WriteLine($"slipway: warning: {warning}");
        }

        if (asJson)
        {
            context.WriteJson(ToJson(report));
        }
        else
        {
            Write(context, report);
        }
    }

    private static void Write(VerbContext context, ExportReport report)
    {
        foreach (var file in report.Manifest.Files)
        {
            context.Output.WriteLine($"{Amounts.Bytes(file.Bytes),10}  {file.Name}");
        }

        context.Output.WriteLine(
            $"{Amounts.Bytes(report.Bytes),10}  '{report.Folder}': {report.Manifest.Architecture}, "
            + $"{report.Parameters} weights, {report.Manifest.Precision}, {Amounts.Number(report.Seconds)} s, peak "
            + $"memory {Amounts.Bytes(report.PeakMemoryBytes)}");
        if (report.Manifest.Quantization is { Method: Prequantized } kept)
        {
            context.Output.WriteLine(
                $"kept, as the source holds them: values of {kept.Bits} bits in blocks of {kept.BlockSize}"
                + (kept.Matrices is { Count: > 0 } wider
                    ? $", and otherwise what {kept.Bits} bits cannot hold as it is or the recipe names, "
                        + (wider.Count == 1 ? "1 matrix" : $"{wider.Count} matrices") : "")
                + "; --requantize chooses them anew");
        }
        else if (report.Manifest.Quantization is { } chosen)
        {
            context.Output.WriteLine(
                $"quantized by '{chosen.Method}' in blocks of {chosen.BlockSize}{Exceptions(chosen.Matrices)}");
            if (chosen.BitsPerWeight is { } bits)
            {
                context.Output.WriteLine($"{Amounts.Number(bits)} bits a weight, spent where "
                    + (chosen.ExpectedDivergence is { } divergence
                        ? "the logits moved most as matrices were rounded one by one; "
                            + $"{divergence:0.0000} nats a token of divergence are expected"
                        : "outputs of matrices lose most"));
            }

            if (QuantizationMethods.All.Any(method => method.Name == chosen.Method && method.Values is not null))
            {
                context.Output.WriteLine(
                    $"ONNX Runtime writes weights of '{chosen.Method}' out as floats at each step: on CPU, decoding "
                    + $"takes over ten times as long as by '{QuantizationMethods.Calibrated.Name}'");
            }
        }

        if (report.UnusedTensors.Count > 0)
        {
            var more = report.UnusedTensors.Count - MaxListed;
            context.Output.WriteLine(
                "left out, as the package does without them: "
                + string.Join(", ", report.UnusedTensors.Take(MaxListed).Select(name => $"'{name}'"))
                + (more > 0 ? $" and {more} more tensors, which --json lists" : ""));
        }
    }

    // A recipe sets matrices apart, or the calibration: less error of their outputs for the bits that they take.
    private static string Exceptions(IReadOnlyDictionary<string, string>? matrices) => matrices is not { Count: > 0 }
        ? ""
        : ", but for " + string.Join("; ", matrices.GroupBy(pair => pair.Value, pair => pair.Key).Select(group =>
            $"'{group.Key}' for {(group.Count() == 1 ? $"'{group.First()}'" : $"{group.Count()} matrices")}"))
        + ", by the recipe or by what their outputs lose on the calibration text for the bits that they take";

    private static JsonObject ToJson(ExportReport report) => new()
    {
        ["folder"] = report.Folder,
        ["architecture"] = report.Manifest.Architecture,
        ["precision"] = report.Manifest.Precision,
        ["parameters"] = report.Parameters,
        ["files"] = new JsonArray([.. report.Manifest.Files.Select(file => (JsonNode)new JsonObject
        {
            ["name"] = file.Name,
            ["bytes"] = file.Bytes,
            ["sha256"] = file.Sha256,
        })]),
        ["bytes"] = report.Bytes,
        ["seconds"] = Math.Round(report.Seconds, 3),
        ["peak_memory_bytes"] = report.PeakMemoryBytes,
        ["warnings"] = new JsonArray([.. report.Warnings.Select(warning => (JsonNode)warning)]),
        ["unused_tensors"] = new JsonArray([.. report.UnusedTensors.Select(name => (JsonNode)name)]),
    };
}
