using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;
using Slipway.Export;
using Slipway.Export.Quantization;
using Slipway.Onnx;
using Slipway.Onnx.Serialization;
using Slipway.Tracing.Interception;
using Slipway.Tracing.Operations;
using Slipway.Tracing.Passes;
using Slipway.Tracing.Proof;
using Slipway.Tracing.Recording;
using Slipway.Tracing.Sizes;
using TorchSharp;
using Stopwatch = System.Diagnostics.Stopwatch;

namespace Slipway.Tracing.Graphs;

/// <summary>Traces a module, builds its graph, proves it and writes it.</summary>
internal sealed class ModuleExporter
{
    // The first run compiles the copies; a later one that takes longer than this limits their number.
    private const int FewRuns = 4;
    private const float Huge = 1e15f;
    private const long MaxSpan = int.MaxValue / sizeof(float);
    private static readonly TimeSpan ExpensiveRun = TimeSpan.FromSeconds(1);
    private readonly torch.nn.Module _module;
    private readonly OnnxModuleOptions _options;
    private readonly ModuleCall _call;
    private readonly ModuleInputs _inputs;
    private readonly SizePlan _plan;
    private readonly OperationTable _operations;
    private readonly Interceptor _interceptor;
    private bool _isExpensive;
    private readonly SortedSet<string> _warnings = new(StringComparer.Ordinal);

    public ModuleExporter(torch.nn.Module module, IReadOnlyList<object?> inputs, OnnxModuleOptions options)
    {
        (_module, _options) = (module, options);
        if (options.Quantization is { } quantization)
        {
            QuantizationOptions.Require(
                quantization.Precision, quantization.Method, quantization.BlockSize, quantization.Recipe);
        }

        (_operations, _interceptor) = OnnxOperations.Current;
        _call = new ModuleCall(module, inputs);
        _inputs = ModuleInputs.Read(inputs, _call.ParameterNames, options);
        _plan = new SizePlan(_inputs.Sizes, _inputs.ExampleSizes());
    }

    /// <summary>The operations of the module, in order.</summary>
    public IReadOnlyList<string> Operations { get; private set; } = [];

    /// <summary>Exports.</summary>
    public OnnxModuleExport Export(string path)
    {
        using ModuleState state = new(_module);
        using var scope = torch.NewDisposeScope();
        _module.eval();
        ParameterTable parameters = new(_module);
        RequireExample(parameters, state);
        var is16Bit = SingleProof.Applies(parameters, _inputs);
        var single = is16Bit ? SingleProof.Run(_call, _inputs, _options, state, path, _warnings) : null;
        Warn(parameters);
        var runs = TraceAll(parameters, state);
        Operations = [.. runs[0].Calls.Select(call => call.Name)];
        using GraphFiles target = new(path, parameters.Bytes > _options.ExternalDataThreshold);
        string[] inputs = [.. _inputs.Tensors.Select(item => item.Name)];
        var outputs = OutputNames(runs[0]);
        using GraphConstants constants = new();
        var model = Build(runs, outputs, target, inputs, parameters, constants);
        var graph = model.Graph;

        // Large weights are proven where the module holds them.
        var proven = target.DataPath is null ? target.GraphPath : Path.ChangeExtension(target.GraphPath, ".proof");
        var weights = target.DataPath is { } data ? constants.Share(model, data, proven) : null;
        var tolerance = is16Bit ? Math.Max(_options.Tolerance, _options.Tolerance16) : _options.Tolerance;
        ModuleProof proof = new(_call, _inputs, _plan, _options, tolerance, state, _warnings, RunRecorded);
        IReadOnlyList<OutputDifference> differences;
        var sizes = proof.Sizes;
        try
        {
            differences = proof.Run(
                proven, inputs, outputs, _isExpensive, CriticalSizes.Find(
                    runs, _inputs.Sizes, _isExpensive ? _plan.Smallest : _plan.Example),
                weights);
        }
        catch (ModuleMismatchException mismatch) when (single?.Operations.SequenceEqual(Operations) == true
            && mismatch.InnerException is OnnxRuntimeException)
        {
            _warnings.Add(
                $"ONNX Runtime has no kernels here for the graph's type: {mismatch.InnerException.Message} The same "
                + "operations are proven with the weights in float32.");
            (differences, sizes) = (single!.Outputs, single.Sizes);
        }
        catch (ProofException failure)
        {
            throw Explain(failure, runs, parameters, state, inputs, outputs, path);
        }

        OnnxModuleExport made = new(
            path, null, graph.Nodes.Count, graph.Initializers.Sum(item => item.Data.Length), inputs, differences,
            sizes, [.. _warnings])
        {
            OutputsInSingle = single?.Outputs,
        };
        return _options.Quantization is { } quantization
            ? Quantize(made, target.GraphPath, quantization, state) : made with { DataPath = target.Commit() };
    }

    private OnnxModuleExport Quantize(
        OnnxModuleExport made, string graph, QuantizeOptions quantization, ModuleState state)
    {
        using GraphFiles files = new(made.Path, hasData: true);
        var quantized = OnnxQuantizer.Quantize(graph, files.GraphPath, quantization);
        ModuleProof score = new(
            _call, _inputs, _plan, _options, double.PositiveInfinity, state, _warnings, RunRecorded);
        var differences = score.Run(
            files.GraphPath, [.. made.Inputs], [.. made.Outputs.Select(output => output.Name)], _isExpensive,
            new CriticalPlaces([], []));
        var nodes = OnnxFile.Read(files.GraphPath).Graph.Nodes.Count;
        return made with
        {
            DataPath = files.Commit(), Nodes = nodes, WeightBytes = quantized.BytesAfter,
            Quantization = new ModuleQuantization(quantized.BytesBefore, quantized.Matrices, differences),
        };
    }

    // What must not be run, such as writing into a parameter, is refused before it is.
    private void RequireExample(ParameterTable parameters, ModuleState state)
    {
        try
        {
            _ = Trace(_plan.Example, _inputs.Example().Tensors, parameters, state, HoldKind.None);
        }
        catch (SizeRejectedException rejected)
        {
            throw new ArgumentException(
                $"The module rejects the example itself: {TorchMessage.Of(rejected)} Give inputs that it takes.",
                rejected.InnerException);
        }
    }

    private object? RunRecorded(object?[] arguments)
    {
        using Recorder recorder = new(
            _interceptor, _operations, new ParameterTable(_module), new ModulePaths(_module),
            _options.AllowReadingValues, HoldKind.None);
        foreach (var tensor in TensorTree.Flatten(arguments).ToArray())
        {
            _ = recorder.AddInput("input", tensor);
        }

        return _call.Record(arguments, recorder);
    }

    private void Warn(ParameterTable parameters)
    {
        foreach (var (name, tensor) in parameters.All)
        {
            using var scope = torch.NewDisposeScope();
            if (tensor.is_floating_point() && tensor.numel() > 0
                && !(Largest(tensor) is var largest && float.IsFinite(largest) && largest < Huge))
            {
                _warnings.Add($"The weight '{name}' holds elements that are no numbers, or huge.");
            }
        }
    }

    private static float Largest(torch.Tensor tensor)
        => tensor.dtype == torch.ScalarType.Float32 && tensor.device_type == DeviceType.CPU && tensor.is_contiguous()
            && tensor.numel() <= MaxSpan
            ? Math.Abs(TensorPrimitives.MaxMagnitude(MemoryMarshal.Cast<byte, float>(tensor.detach().bytes)))
            : tensor.abs().max().to(torch.ScalarType.Float32).ToSingle();

    private List<Trace> TraceAll(ParameterTable parameters, ModuleState state)
    {
        try
        {
            return Trace(_plan.Traces, parameters, state);
        }
        catch (SizeRejectedException rejected)
        {
            try
            {
                return Trace(_plan.NearExample, parameters, state);
            }
            catch (SizeRejectedException)
            {
                throw rejected.ToArgumentException();
            }
        }
    }

    private List<Trace> Trace(
        IReadOnlyList<IReadOnlyDictionary<string, long>> plans, ParameterTable parameters, ModuleState state)
    {
        List<Trace> runs = [];
        Random random = new(_options.Seed);

        // Without a size that varies, varied elements still tell constants from results.
        foreach (var sizes in plans.Count == 1 ? [plans[0], plans[0]] : plans)
        {
            if (_isExpensive && runs.Count >= FewRuns)
            {
                break;
            }

            var start = Stopwatch.GetTimestamp();
            runs.Add(Trace(
                sizes, _inputs.Make(sizes, random).Tensors, parameters, state,
                runs.Count == 0 ? HoldKind.Constants : HoldKind.None));
            _isExpensive |= runs.Count > 1 && Stopwatch.GetElapsedTime(start) > ExpensiveRun;
        }

        return runs;
    }

    private Trace Trace(
        IReadOnlyDictionary<string, long> sizes, torch.Tensor[] tensors, ParameterTable parameters, ModuleState state,
        HoldKind holds)
    {
        using var scope = torch.NewDisposeScope();
        var arguments = _inputs.Replace(tensors);
        using Recorder recorder = new(
            _interceptor, _operations, parameters, new ModulePaths(_module), _options.AllowReadingValues, holds);
        TracedValue[] inputs =
            [.. tensors.Select((tensor, index) => recorder.AddInput(_inputs.Tensors[index].Name, tensor))];
        try
        {
            var result = _call.Record(arguments, recorder);
            (string, TracedValue)[] outputs =
                [.. TensorTree.Named(result, "").Select(item => (item.Name, recorder.Output(item.Tensor)))];
            _warnings.UnionWith(recorder.Notes);
            return outputs.Length > 0 ? new Trace(inputs, [.. recorder.Calls], outputs, sizes, recorder.Numbers.Events)
                : throw recorder.Refused(
                    new TracePlace("", null), $"'{_module.GetType().Name}' returned no tensors, but "
                    + $"{result?.GetType().Name ?? "null"}. Return tensors, alone or in tuples, lists, dictionaries or "
                    + "records.");
        }
        catch (Exception exception) when (exception is not (UntraceableModuleException or OutOfMemoryException))
        {
            throw new SizeRejectedException(sizes, exception);
        }
        finally
        {
            foreach (var field in state.RestoreFields())
            {
                _warnings.Add(
                    $"The module changed the field '{field}' while it ran; it was put back. Pass state as an input.");
            }

            foreach (var tensor in tensors)
            {
                tensor.Dispose();
            }
        }
    }

    // Another run at the sizes that failed shows another path, a size that no longer fits, or the first difference.
    private Exception Explain(
        ProofException failure, List<Trace> runs, ParameterTable parameters, ModuleState state, string[] inputs,
        string[] outputs, string path)
    {
        try
        {
            var copies = failure.Inputs.Select(tensor => tensor.clone()).ToArray();
            runs = [.. runs, Trace(failure.Sizes, failure.Inputs, parameters, state, HoldKind.Everything)];
            using GraphFiles target = new(path, parameters.Bytes > _options.ExternalDataThreshold);
            using var steps = new StepComparison(runs[^1], copies);
            using GraphConstants constants = new();
            _ = Build(runs, outputs, target, inputs, parameters, constants, steps);
            return steps.FirstDifference(target.GraphPath, inputs, _options.Tolerance) is { } first
                ? new ModuleMismatchException($"{failure.Message} The first difference is {first}.")
                : failure.Mismatch;
        }
        catch (Exception exception) when (exception is UntraceableModuleException or ModuleMismatchException
            or SizeRejectedException)
        {
            return exception is UntraceableModuleException ? exception : failure.Mismatch;
        }
    }

    private string[] OutputNames(Trace run)
    {
        if (_options.OutputNames is { } names)
        {
            return names.Count == run.Outputs.Count ? [.. names] : throw new ArgumentException(
                $"The module returns {run.Outputs.Count} tensors; 'OutputNames' has {names.Count} names "
                + $"('{string.Join("', '", names)}'). Give one name to each.");
        }

        HashSet<string> taken = new(_inputs.Tensors.Select(item => item.Name), StringComparer.Ordinal);
        return [.. run.Outputs.Select(output =>
        {
            var name = output.Name.Length == 0 ? "output"
                : char.IsAsciiDigit(output.Name[0]) ? $"output_{output.Name.Replace('.', '_')}" : output.Name;
            return taken.Add(name) ? name : $"{name}_output";
        })];
    }

    private OnnxModel Build(List<Trace> runs, string[] outputs, GraphFiles target, string[] inputs,
        ParameterTable parameters, GraphConstants constants, StepComparison? steps = null)
    {
        GraphBuilder builder = new(runs, _module.GetType().Name, _options.Opset, constants, parameters);
        builder.Build(
            [.. inputs.Select((name, index) => (name, Dimensions(name, _inputs.Tensors[index].Example.shape)))],
            outputs, steps);

        // The steps that are compared are those of the module, not what passes make of them.
        var graph = constants.Write(
            steps is null
                ? GraphPasses.Apply(
                    builder.Graph, constants, builder.Infos, _options.Opset,
                    _options.Operators == OnnxOperatorSet.OnnxRuntime)
                : builder.Graph,
            target.DataPath, target.DataName);
        OnnxModel model = new(graph)
        {
            ProducerName = "Slipway",
            OperatorSets = OperatorSets(graph),
            IrVersion = _options.Opset >= 23 ? 11 : _options.Opset >= 21 ? 10 : 9,
        };
        OnnxFile.Write(model, target.GraphPath);
        return model;
    }

    private Dictionary<string, long> OperatorSets(Graph graph)
    {
        Dictionary<string, long> sets = new() { [OnnxModel.StandardDomain] = _options.Opset };
        if (graph.Nodes.Any(node => node.Domain == OnnxModel.ContribDomain))
        {
            sets.Add(OnnxModel.ContribDomain, 1);
        }

        return sets;
    }

    private IReadOnlyList<Dimension> Dimensions(string input, long[] shape)
        => [.. shape.Select((size, axis) => _inputs.AxisName(input, axis) is { } name ? (Dimension)name : size)];
}

/// <summary>Says that a module does not run at some sizes.</summary>
internal sealed class SizeRejectedException(IReadOnlyDictionary<string, long> sizes, Exception inner)
    : Exception(TorchMessage.Of(inner), inner)
{
    public ArgumentException ToArgumentException()
        => new(
            $"The module does not run at {string.Join(", ", sizes.Select(size => $"{size.Key}={size.Value}"))}, which "
            + $"the declared axes allow: {Message} Declare 'Min', 'Max' or 'Multiple' of the axis, or fix it "
            + "('DynamicBatch = false' fixes the first ones).", InnerException);
}
