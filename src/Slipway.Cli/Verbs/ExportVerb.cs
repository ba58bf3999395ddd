using System.CommandLine;
using System.Text.Json.Nodes;
using Slipway.Checkpoints;
using Slipway.Cli.Terminal;
using Slipway.Evaluation.KeyValues;
using Slipway.Export;
using Slipway.Export.Quantization;

namespace Slipway.Cli.Verbs;

/// <summary>Turns a checkpoint into a package.</summary>
internal static class ExportVerb
{
    private const int MaxListed = 20;

    public static Command Create(VerbContext context)
    {
        var source = new Argument<string>("SOURCE")
        {
            Description =
                "A checkpoint: a folder with safetensors or model.dat, or one weight file (.safetensors, .dat, .gguf).",
        };
        var output = new Option<string>("--output", "-o")
        {
            Description = "The package folder to write.", Required = true,
        };
        var precision = new Option<string>("--precision")
        {
            Description = $"How weights are stored: {string.Join(", ", Precisions.All)}.",
            DefaultValueFactory = _ => "fp32",
        };
        var method = new Option<string?>("--method")
        {
            Description = "How int4 and int8 codes are chosen: "
                + string.Join("; ", QuantizationMethods.All.Select(row => $"{row.Name} ({row.Description})")) + ".",
        };
        var blockSize = new Option<int>("--block-size")
        {
            Description = "Weights that share a scale in int4 and int8: 16, 32, 64, 128 or 256.",
            DefaultValueFactory = _ => 32,
        };
        var context_ = new Option<int?>("--context")
        {
            Description = "The longest sequence in tokens, where shorter than the model's own.",
        };
        var cache = new Option<string>("--kv-cache")
        {
            Description = $"How keys and values are kept: {string.Join(", ", KeyValuePrecisions.All)}.",
            DefaultValueFactory = _ => "fp32",
        };
        var calibration = new Option<string?>("--calibration")
        {
            Description = "A text file to measure keys and values over; without it, texts that the model makes itself.",
        };
        var adapter = new Option<string?>("--adapter")
        {
            Description = "A folder with a LoRA adapter as PEFT saves it, to merge into the weights.",
        };
        var adapters = new Option<string[]>("--adapters")
        {
            Description =
                "A folder with a LoRA adapter that requests choose by name, as NAME=DIR or DIR; may be repeated.",
        };
        var strict = new Option<bool>("--strict")
        {
            Description =
                "Refuse a checkpoint with tensors that its architecture has no place for, instead of telling them.",
        };
        var overwrite = new Option<bool>("--overwrite")
        {
            Description = "Replace a package that stands in the folder; without it such a folder is refused.",
        };
        var json = VerbContext.JsonOption();
        var command = new Command(
            "export",
            "Turn a checkpoint into a package. Example: slipway export model.gguf -o package --precision int4")
        {
            source, output, precision, method, blockSize, context_, cache, calibration, adapter,
            adapters, strict, overwrite, json,
        };
        precision.AcceptOnlyFromAmong([.. Precisions.All]);
        cache.AcceptOnlyFromAmong([.. KeyValuePrecisions.All]);
        method.AcceptOnlyFromAmong([.. QuantizationMethods.All.Select(row => row.Name)]);
        command.SetAction(async (result, cancellationToken) =>
        {
            using var beside = AdapterFolders.Open(result.GetValue(adapters) ?? []);
            var options = new ExportOptions
            {
                Precision = Precisions.Find(result.GetValue(precision)!),
                Method = result.GetValue(method),
                BlockSize = result.GetValue(blockSize),
                ContextLength = result.GetValue(context_),
                KeyValueCache = KeyValuePrecisions.Find(result.GetValue(cache)!),
                KeyValueMeasurement = Measure(result.GetValue(calibration)),
                Adapters = beside.Adapters,
                Strict = result.GetValue(strict),
                Overwrite = result.GetValue(overwrite),
            };
            var folder = result.GetRequiredValue(output);
            var report = await ProgressDisplay.RunAsync(context, "export", progress =>
            {
                using var checkpoint = AdapterFolders.Merge(
                    Checkpoint.Open(result.GetRequiredValue(source)), result.GetValue(adapter));
                return Task.FromResult(Exporter.Export(
                    checkpoint, folder, options,
                    new Relay<ExportProgress>(step => progress.Report(((double)step.Done / step.Total, step.Tensor))),
                        cancellationToken));
            }).ConfigureAwait(false);
            foreach (var warning in report.Warnings)
            {
                context.Error.WriteLine($"slipway: warning: {warning}");
            }

            if (result.GetValue(json))
            {
                context.WriteJson(ToJson(report));
            }
            else
            {
                Write(context, report);
            }

            return 0;
        });
        return command;
    }

    private static KeyValueMeasurement Measure(string? file)
    {
        // Read first, so that a file that is not there is told before the weights are written.
        var text = file is null ? null : File.ReadAllText(file);
        return (folder, observe, cancellationToken) =>
        {
            if (text is null)
            {
                KeyValueSampler.Run(folder, observe, cancellationToken);
            }
            else
            {
                KeyValueSampler.Run(folder, text, observe, cancellationToken);
            }
        };
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
        if (report.UnusedTensors.Count > 0)
        {
            var more = report.UnusedTensors.Count - MaxListed;
            context.Output.WriteLine(
                "left out, as the package does without them: "
                + string.Join(", ", report.UnusedTensors.Take(MaxListed).Select(name => $"'{name}'"))
                + (more > 0 ? $" and {more} more tensors, which --json lists" : ""));
        }
    }

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
