using System.CommandLine;
using System.Diagnostics;
using System.Text.Json.Nodes;
using Slipway.Cli.Installation;
using Slipway.Cli.Terminal;
using Slipway.Cli.Verbs;
using Slipway.Export;
using Slipway.Tracing;
using static TorchSharp.torch;

namespace Slipway.Cli.Modules;

/// <summary>Options of <c>slipway export</c> for modules of one's own, and what they do.</summary>
internal sealed class ModuleExportArguments
{
    private readonly Option<string?> _module = new("--module")
    {
        Description = "The class of the module in an assembly (.dll), as My.Net; made without arguments.",
    };

    private readonly Option<string?> _factory = new("--factory")
    {
        Description = "A static method of the assembly that returns the module, as My.Models.Create.",
    };

    private readonly Option<string?> _weights = new("--weights")
    {
        Description = "The module's weights: a .dat that it saved, or safetensors with the same names.",
    };

    private readonly Option<string[]> _examples = new("--example")
    {
        Description = "An input of the module, NAME=TYPE[AXES], in the order of 'forward'; may be repeated. A name as "
            + "an axis is a size that each run decides: 'input_ids=int64[batch,sequence<=1024]'. Integers are 0 and "
            + "1, or below a limit: 'int64:50257[…]'.",
    };

    private readonly Option<int> _opset = new("--opset")
    {
        Description = "The version of ONNX's operators for a module, 17 to 23.",
        DefaultValueFactory = _ => new OnnxModuleOptions().Opset,
    };

    private readonly Option<bool> _contrib = new("--onnxruntime-operators")
    {
        Description = "Use ONNX Runtime's own operators in a module's graph, not those of ONNX alone.",
    };

    private Option[] Options => [_module, _factory, _weights, _examples, _opset, _contrib];

    public void AddTo(Command command)
    {
        foreach (var option in Options)
        {
            command.Add(option);
        }
    }

    /// <summary>Tells whether a source is an assembly.</summary>
    public static bool IsAssembly(string source) => source.EndsWith(".dll", StringComparison.OrdinalIgnoreCase);

    /// <summary>Requires that nothing of a module is asked of another source.</summary>
    /// <exception cref="UsageException">Something is.</exception>
    public void RequireNone(ParseResult result, string source)
        => OptionChecks.RequireNone(
            result, Options, $"is for modules of an assembly (.dll); '{source}' is a checkpoint.");

    /// <summary>Exports.</summary>
    public async Task RunAsync(
        VerbContext context, ParseResult result, string source, string output, QuantizationArguments quantization,
        bool overwrite, bool asJson, CancellationToken cancellationToken)
    {
        var started = Stopwatch.GetTimestamp();
        var path = output.EndsWith(".onnx", StringComparison.OrdinalIgnoreCase)
            ? output : Path.Combine(output, "model.onnx");
        if (File.Exists(path) && !overwrite)
        {
            throw new UsageException($"'{path}' exists. Name another folder, or give --overwrite.");
        }

        ExampleInput[] examples = [.. (result.GetValue(_examples) ?? []).Select(ExampleInput.Parse)];
        if (examples.Length == 0)
        {
            throw new UsageException(
                "A module is exported by example inputs. Name each, as in --example "
                + "'input_ids=int64[batch,sequence<=1024]'.");
        }

        await Libtorch.RequireAsync(context, cancellationToken).ConfigureAwait(false);
        using var module = ModuleLibrary.Load(source).Create(result.GetValue(_module), result.GetValue(_factory));
        if (result.GetValue(_weights) is { } weights)
        {
            ModuleLibrary.LoadWeights(module, weights);
        }

        DynamicAxes axes = [];
        foreach (var example in examples)
        {
            for (var axis = 0; axis < example.Axes.Count; axis++)
            {
                if (example.Axes[axis].Axis is { } size)
                {
                    axes.Add(example.Name, axis, size);
                }
            }
        }

        using Generator generator = new(1);
        QuantizeOptions stored = new()
        {
            Precision = quantization.Precision(result), Method = quantization.Method(result),
            BlockSize = quantization.BlockSize(result), Recipe = quantization.Recipe(result),
        };
        var made = OnnxModule.Export(
            module, [.. examples.Select(example => example.Draw(generator))], path, new OnnxModuleOptions
            {
                InputNames = [.. examples.Select(example => example.Name)],
                DynamicAxes = axes,
                DynamicBatch = false,
                Opset = result.GetValue(_opset),
                Operators = result.GetValue(_contrib) ? OnnxOperatorSet.OnnxRuntime : OnnxOperatorSet.Standard,
                Quantization = stored with { Recipe = [] } == new QuantizeOptions { Precision = Precision.Float32 }
                    && stored.Recipe.Count == 0 ? null : stored,
            });
        Report(context, made, Stopwatch.GetElapsedTime(started).TotalSeconds, asJson);
    }

    private static void Report(VerbContext context, OnnxModuleExport made, double seconds, bool asJson)
    {
        foreach (var warning in made.Warnings)
        {
            context.Error.WriteLine($"slipway: warning: {warning}");
        }

        if (asJson)
        {
            context.WriteJson(new JsonObject
            {
                ["path"] = made.Path,
                ["data"] = made.DataPath,
                ["nodes"] = made.Nodes,
                ["weights_bytes"] = made.WeightBytes,
                ["inputs"] = new JsonArray([.. made.Inputs.Select(name => (JsonNode)name)]),
                ["outputs"] = Differences(made.Outputs),
                ["quantized"] = made.Quantization is { } quantized ? new JsonObject
                {
                    ["bytes_before"] = quantized.BytesBefore,
                    ["matrices"] = quantized.Matrices.Count,
                    ["outputs"] = Differences(quantized.Outputs),
                } : null,
                ["sizes"] = new JsonArray([.. made.ProvenSizes.Select(sizes => (JsonNode)new JsonObject(
                    sizes.Select(size => KeyValuePair.Create(size.Key, (JsonNode?)size.Value))))]),
                ["seconds"] = Math.Round(seconds, 3),
            });
            return;
        }

        context.Output.WriteLine(
            $"'{made.Path}': {made.Nodes} nodes, {Amounts.Bytes(made.WeightBytes)} of weights, "
            + $"{Amounts.Number(seconds)} s, equal to the module at {made.ProvenSizes.Count} sizes");
        foreach (var output in made.Outputs)
        {
            context.Output.WriteLine(
                $"{output.Name}: differs by {output.Absolute:g3}, {output.Relative:g3} of its scale");
        }

        foreach (var output in made.Quantization?.Outputs ?? [])
        {
            context.Output.WriteLine(
                $"{output.Name}: differs by {output.Absolute:g3}, {output.Relative:g3} of its scale, once "
                + $"{made.Quantization!.Matrices.Count} matrices are quantized");
        }
    }

    private static JsonArray Differences(IReadOnlyList<OutputDifference> outputs)
        => [.. outputs.Select(output => (JsonNode)new JsonObject
        {
            ["name"] = output.Name, ["absolute"] = output.Absolute, ["relative"] = output.Relative,
        })];
}
