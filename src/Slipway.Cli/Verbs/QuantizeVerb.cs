using System.CommandLine;
using Slipway.Cli.Modules;
using Slipway.Cli.Terminal;
using Slipway.Export;

namespace Slipway.Cli.Verbs;

/// <summary>Quantizes a float package.</summary>
internal static class QuantizeVerb
{
    public static Command Create(VerbContext context)
    {
        var package = new Argument<string>("PACKAGE")
        {
            Description =
                "A package folder with float weights, a decoder's or an encoder's, or a float graph (.onnx, or a "
                + "folder with a model.onnx).",
        };
        var output = new Option<string>("--output", "-o")
        {
            Description = "The package folder, or the graph file, to write.", Required = true,
        };
        var quantization = new QuantizationArguments("int4");
        var input = new Option<string?>("--input", "-i")
        {
            Description = "A safetensors file with inputs of a graph: tells how far its outputs move.",
        };
        var overwrite = new Option<bool>("--overwrite")
        {
            Description = "Replace a package or graph that stands there; without it such a place is refused.",
        };
        var json = VerbContext.JsonOption();
        var command = new Command(
            "quantize",
            "Quantize a float package. Example: slipway quantize package -o package-int4 --recipe lm_head=int8")
        {
            package, output, input, overwrite, json,
        };
        quantization.AddTo(command);
        command.SetAction(async (result, cancellationToken) =>
        {
            var source = result.GetRequiredValue(package);
            var graph = GraphFolders.Find(source);
            if (graph is null)
            {
                OptionChecks.RequireNone(result, [input], $"is for graphs (.onnx); '{source}' is none.");
            }
            else
            {
                quantization.RequireGraphOptions(result, source);
            }

            var options = new QuantizeOptions
            {
                Precision = quantization.Precision(result),
                Method = quantization.Method(result),
                BlockSize = quantization.BlockSize(result),
                Recipe = quantization.Recipe(result),
                Rotate = quantization.Rotate(result),
                BitsPerWeight = quantization.Bits(result),
                Calibration = graph is null
                    ? QuantizationArguments.Calibration(quantization.Text(result)) : null,
                Overwrite = result.GetValue(overwrite),
            };
            if (graph is not null)
            {
                GraphQuantization.Run(
                    context, graph, result.GetRequiredValue(output), options, result.GetValue(input),
                    result.GetValue(json), cancellationToken);
                return 0;
            }

            var report = await ProgressDisplay.RunAsync(context, "quantize", progress => Task.FromResult(
                PackageQuantizer.Quantize(
                    source, result.GetRequiredValue(output), options,
                    new Relay<ExportProgress>(step => progress.Report(((double)step.Done / step.Total, step.Tensor))),
                    cancellationToken))).ConfigureAwait(false);
            ExportReports.Write(context, report, result.GetValue(json));
            return 0;
        });
        return command;
    }
}
