using System.CommandLine;
using Slipway.Calibration;
using Slipway.Checkpoints;
using Slipway.Cli.Installation;
using Slipway.Cli.Modules;
using Slipway.Cli.Terminal;
using Slipway.Export;

namespace Slipway.Cli.Verbs;

/// <summary>Turns a checkpoint into a package.</summary>
internal static class ExportVerb
{
    private const double TuningMinutes = 8;

    public static Command Create(VerbContext context)
    {
        var source = new Argument<string>("SOURCE")
        {
            Description =
                "A checkpoint: a folder with safetensors or model.dat, or one weight file (.safetensors, .dat, .gguf); "
                + "or an assembly (.dll) with a TorchSharp module of one's own, by --example and --module or "
                + "--factory.",
        };
        var output = new Option<string>("--output", "-o")
        {
            Description = "The package folder to write; for a module the graph's folder or file (.onnx).",
            Required = true,
        };
        var quantization = new QuantizationArguments("fp32");
        var modules = new ModuleExportArguments();
        var requantize = new Option<bool>("--requantize")
        {
            Description = "Quantize anew what the checkpoint holds as codes already.",
        };
        var tune = new Option<double?>("--tune")
        {
            Description = "Tune scales and norms by distillation from the float model for so many minutes, 8 unless "
                + "told; the same command goes on where a run was stopped.",
            Arity = ArgumentArity.ZeroOrOne,
            HelpName = "MINUTES",
        };
        var context_ = new Option<int?>("--context")
        {
            Description = "The longest sequence in tokens, where shorter than the model's own.",
        };
        var cache = new Option<string?>("--kv-cache")
        {
            Description = $"How keys and values are kept: {string.Join(", ", KeyValuePrecisions.All)}; fp16 unless "
                + "told, or fp32 where weights are.",
        };
        var devices = new Option<string?>("--device")
        {
            Description = "Devices that a decoder's package gets a graph for, as 'cuda,cpu': cpu, cuda, directml. cpu, "
                + "which there is one for in any case, unless told.",
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
        var adapterInputs = new Option<bool>("--adapter-inputs")
        {
            Description =
                "Let the package take adapters at every linear layer, so that a running model can be given some.",
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
            source, output, requantize, tune, context_, cache, devices, adapter, adapters, adapterInputs, strict,
            overwrite, json,
        };
        quantization.AddTo(command);
        modules.AddTo(command);
        cache.AcceptOnlyFromAmong([.. KeyValuePrecisions.All]);
        command.SetAction(async (result, cancellationToken) =>
        {
            var asked = result.GetRequiredValue(source);
            if (ModuleExportArguments.IsAssembly(asked))
            {
                OptionChecks.RequireNone(
                    result,
                    [requantize, tune, context_, cache, devices, adapter, adapters, adapterInputs, strict],
                    $"is for checkpoints; '{asked}' is an assembly.");
                quantization.RequireGraphOptions(result, asked);
                await modules.RunAsync(
                    context, result, asked, result.GetRequiredValue(output), quantization, result.GetValue(overwrite),
                    result.GetValue(json), cancellationToken).ConfigureAwait(false);
                return 0;
            }

            modules.RequireNone(result, asked);
            using var beside = AdapterFolders.Open(result.GetValue(adapters) ?? []);

            // Read first, so that a file that is not there is told before the weights are written.
            var text = quantization.Text(result);
            var calibration = QuantizationArguments.Calibration(text);
            var options = new ExportOptions
            {
                Precision = quantization.Precision(result),
                Method = quantization.Method(result),
                BlockSize = quantization.BlockSize(result),
                Recipe = quantization.Recipe(result),
                Rotate = quantization.Rotate(result),
                BitsPerWeight = quantization.Bits(result),
                Requantize = result.GetValue(requantize),
                Calibration = calibration,
                ContextLength = result.GetValue(context_),
                KeyValueCache = result.GetValue(cache) is { } kept ? KeyValuePrecisions.Find(kept) : null,
                KeyValueMeasurement = Measure(text),
                Devices = result.GetValue(devices)?.Split(
                    ',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries) ?? [],
                Adapters = beside.Adapters,
                AdapterInputs = result.GetValue(adapterInputs),
                Strict = result.GetValue(strict),
                Overwrite = result.GetValue(overwrite),
            };
            if (result.GetResult(tune) is not null)
            {
                TunedExport.Require(options);
                await Libtorch.RequireAsync(context, cancellationToken).ConfigureAwait(false);
            }

            var folder = result.GetRequiredValue(output);
            var report = await ProgressDisplay.RunAsync(context, "export", progress =>
            {
                using var checkpoint = AdapterFolders.Merge(
                    Checkpoint.Open(result.GetRequiredValue(source)), result.GetValue(adapter));
                return Task.FromResult(result.GetResult(tune) is not null
                    ? new TunedExport(checkpoint, folder, options, calibration, text, result.GetValue(adapter)).Run(
                        result.GetValue(tune) ?? TuningMinutes, progress, cancellationToken)
                    : Exporter.Export(
                        checkpoint, folder, options,
                        new Relay<ExportProgress>(
                            step => progress.Report(((double)step.Done / step.Total, step.Tensor))),
                        cancellationToken));
            }).ConfigureAwait(false);
            ExportReports.Write(context, report, result.GetValue(json));
            return 0;
        });
        return command;
    }

    private static KeyValueMeasurement Measure(string? text) => (folder, observe, cancellationToken) =>
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
