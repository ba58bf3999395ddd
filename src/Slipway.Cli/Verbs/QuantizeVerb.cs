using System.CommandLine;
using Slipway.Cli.Terminal;
using Slipway.Export;

namespace Slipway.Cli.Verbs;

/// <summary>Quantizes a float package.</summary>
internal static class QuantizeVerb
{
    public static Command Create(VerbContext context)
    {
        var package = new Argument<string>("PACKAGE") { Description = "A package folder with float weights." };
        var output = new Option<string>("--output", "-o")
        {
            Description = "The package folder to write.", Required = true,
        };
        var quantization = new QuantizationArguments("int4");
        var overwrite = new Option<bool>("--overwrite")
        {
            Description = "Replace a package that stands in the folder; without it such a folder is refused.",
        };
        var json = VerbContext.JsonOption();
        var command = new Command(
            "quantize",
            "Quantize a float package. Example: slipway quantize package -o package-int4 --recipe lm_head=int8")
        {
            package, output, overwrite, json,
        };
        quantization.AddTo(command);
        command.SetAction(async (result, cancellationToken) =>
        {
            var options = new QuantizeOptions
            {
                Precision = quantization.Precision(result),
                Method = quantization.Method(result),
                BlockSize = quantization.BlockSize(result),
                Recipe = quantization.Recipe(result),
                Rotate = quantization.Rotate(result),
                BitsPerWeight = quantization.Bits(result),
                Calibration = QuantizationArguments.Calibration(quantization.Text(result)),
                Overwrite = result.GetValue(overwrite),
            };
            var report = await ProgressDisplay.RunAsync(context, "quantize", progress => Task.FromResult(
                PackageQuantizer.Quantize(
                    result.GetRequiredValue(package), result.GetRequiredValue(output), options,
                    new Relay<ExportProgress>(step => progress.Report(((double)step.Done / step.Total, step.Tensor))),
                    cancellationToken))).ConfigureAwait(false);
            ExportReports.Write(context, report, result.GetValue(json));
            return 0;
        });
        return command;
    }
}
