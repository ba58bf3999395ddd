using System.Diagnostics;
using Microsoft.ML.OnnxRuntime;
using Slipway.Tracing.Interception;
using Slipway.Tracing.Recording;
using Slipway.Tracing.Sizes;
using TorchSharp;

namespace Slipway.Tracing.Proof;

/// <summary>Compares a graph in ONNX Runtime with its module, at sizes that were not traced.</summary>
internal sealed class ModuleProof(
    ModuleCall call, ModuleInputs inputs, SizePlan plan, OnnxModuleOptions options, double tolerance,
    ModuleState state, ICollection<string> warnings, Func<object?[], object?> record)
{
    // Sizes without a declared limit are tried far out where all proofs before took no longer than this.
    private static readonly TimeSpan CheapProofs = TimeSpan.FromSeconds(1);

    // Sizes at which the module's code decides otherwise are all tried while that takes no longer than this.
    private static readonly TimeSpan CriticalProofs = TimeSpan.FromSeconds(20);
    private const long MaxCritical = 4096;
    private readonly List<IReadOnlyDictionary<string, long>> _sizes = [];
    private string? _folder;

    /// <summary>The sizes that were compared.</summary>
    public IReadOnlyList<IReadOnlyDictionary<string, long>> Sizes => _sizes;

    /// <summary>Compares.</summary>
    /// <exception cref="ModuleMismatchException">An output differs by more than the tolerance.</exception>
    public IReadOnlyList<OutputDifference> Run(
        string graph, string[] names, string[] outputs, bool isExpensive, CriticalPlaces critical,
        IReadOnlyDictionary<string, torch.Tensor>? weights = null)
    {
        // The session is opened when the module has run once, where it needs most: large weights are then not yet read.
        using Session session = new(graph, weights);
        _folder = weights is { Count: > 0 } ? Path.GetDirectoryName(graph) : null;
        var largest = new OutputDifference[outputs.Length];
        for (var index = 0; index < outputs.Length; index++)
        {
            largest[index] = new OutputDifference(outputs[index], 0, 0);
        }

        Random random = new(options.Seed + 1);
        var proofs = isExpensive ? plan.SmallProofs : plan.Proofs;
        var start = Stopwatch.GetTimestamp();
        foreach (var sizes in _folder is null ? proofs : [.. proofs.OrderByDescending(Product)])
        {
            Compare(
                session, sizes, sizes == proofs[0] ? inputs.Example() : inputs.Make(sizes, random), names, largest);
        }

        foreach (var sizes in Stopwatch.GetElapsedTime(start) < CheapProofs ? plan.LargeProofs : [])
        {
            Compare(session, sizes, inputs.Make(sizes, random), names, largest);
        }

        start = Stopwatch.GetTimestamp();
        foreach (var site in options.AllowReadingValues ? [] : critical.Unknown)
        {
            warnings.Add(
                $"{Place(site)} decides by a number or a text that follows from sizes in a way that tracing does not "
                + "know. Other sizes than those of the report may take another path: declare 'Max', or decide by sizes "
                + "alone.");
        }

        foreach (var place in critical.Sizes)
        {
            if (_sizes.Exists(sizes => sizes.All(size => place.Sizes[size.Key] == size.Value)))
            {
                continue;
            }

            if (Stopwatch.GetElapsedTime(start) > CriticalProofs || place.Sizes[place.Axis.Name] > Largest(place.Axis))
            {
                warnings.Add(
                    $"{Place(place.Site)} decides by sizes, in another way from {Text(place.Sizes)} on, which was "
                    + "not tried. Declare 'Max' below it.");
                continue;
            }

            try
            {
                Compare(session, place.Sizes, inputs.Make(place.Sizes, random), names, largest);
            }
            catch (ArgumentException rejected) when (rejected.InnerException is not null)
            {
                warnings.Add(rejected.Message);
            }
        }

        return largest;
    }

    // Larger sizes than these may cost more time and memory than there is, unless they are declared.
    private static long Largest(DynamicAxis axis) => Math.Max(axis.Max ?? 0, MaxCritical);

    private static string Place(NumberSite site)
    {
        var method = site.Method;
        var line = SourceLines.Find(method, site.Offset) is { } found
            ? $", line {found.Line} of '{Path.GetFileName(found.File)}'," : "";
        return $"The method '{method.DeclaringType?.Name}.{method.Name}'{line}";
    }

    private void Compare(
        Session session, IReadOnlyDictionary<string, long> sizes,
        (object?[] Arguments, torch.Tensor[] Tensors) made, string[] names, OutputDifference[] largest)
    {
        using var scope = torch.NewDisposeScope();
        var (arguments, tensors) = made;
        _sizes.Add(sizes);

        // What the module does to its inputs must not reach the graph's.
        torch.Tensor[] copies = [.. tensors.Select(tensor => tensor.clone())];
        ExpectedOutput[] expected;
        try
        {
            expected = [.. Outputs(arguments).Select(tensor => ExpectedOutput.Keep(tensor, _folder))];
        }
        catch (Exception exception) when (exception is not OutOfMemoryException)
        {
            throw new Graphs.SizeRejectedException(sizes, exception).ToArgumentException();
        }
        finally
        {
            _ = state.RestoreFields();
        }

        if (_folder is not null)
        {
            TensorMemory.Trim();
        }

        try
        {
            Compare(session, sizes, arguments, copies, expected, names, largest);
        }
        finally
        {
            Array.ForEach(expected, output => output.Dispose());
        }
    }

    private void Compare(
        Session session, IReadOnlyDictionary<string, long> sizes, object?[] arguments, torch.Tensor[] copies,
        ExpectedOutput[] expected, string[] names, OutputDifference[] largest)
    {
        IDisposableReadOnlyCollection<OrtValue> results;
        try
        {
            results = session.Runner.Run(names, copies, [.. largest.Select(output => output.Name)]);
        }
        catch (OnnxRuntimeException exception)
        {
            throw new ModuleMismatchException(
                $"The graph does not run at {Text(sizes)}, where the module does: {exception.Message} Fix the axis, or "
                + "declare 'Min', 'Max' or 'Multiple' so that one path holds.");
        }

        using var actual = results;
        for (var output = 0; output < expected.Length; output++)
        {
            var result = actual[output];
            var difference = expected[output].Compare(result);
            if (!(difference.Relative <= tolerance))
            {
                var (other, isDouble) = Again(arguments, copies, output);
                var second = Difference.Of(result, other);
                var ofModule = expected[output].Compare(other);
                if (!(second.Relative <= tolerance))
                {
                    throw new ProofException(
                        sizes, [.. copies.Select(copy => copy.DetachFromDisposeScope())],
                        Mismatch(
                            sizes, largest[output].Name, result.GetTensorTypeAndShape().Shape, expected[output].Shape,
                            difference, isDouble ? (second, ofModule) : null));
                }

                // libtorch 2.10 computes fused recurrent layers wrongly on some processors.
                warnings.Add(
                    $"At {Text(sizes)} the module itself is wrong in '{largest[output].Name}' by "
                    + $"{ofModule.Relative:g3} of its scale, as its run "
                    + $"{(isDouble ? "in float64" : "with gradients")} shows, which the graph equals. libtorch's "
                    + "kernels are inexact on this processor; 'DNNL_MAX_CPU_ISA=AVX2' in the environment avoids them.");
                difference = second;
            }

            if (difference.Relative > largest[output].Relative)
            {
                largest[output] = largest[output] with
                {
                    Absolute = difference.Absolute, Relative = difference.Relative,
                };
            }
        }
    }

    // Intermediate results end before the graph runs.
    private torch.Tensor[] Outputs(object?[] arguments)
    {
        using var scope = torch.NewDisposeScope();
        return [.. TensorTree.Flatten(call.Run(arguments)).ToArray()
            .Select(tensor => tensor.detach().MoveToOuterDisposeScope())];
    }

    private static long Product(IReadOnlyDictionary<string, long> sizes)
        => sizes.Values.Aggregate(1L, (product, size) => product * size);

    // In float64, recorded, which refuses what libtorch would end the process for; or, where the module does not
    // run so, by kernels that keep gradients.
    private (torch.Tensor Tensor, bool IsDouble) Again(object?[] arguments, torch.Tensor[] copies, int output)
    {
        using var scope = torch.NewDisposeScope();
        try
        {
            using ModuleCast cast = new(call.Module, torch.ScalarType.Float64, state.Tensors());
            var wide = inputs.Replace([.. copies.Select(copy => copy.is_floating_point()
                ? copy.to(torch.ScalarType.Float64) : copy.clone())]);
            return (TensorTree.Flatten(record(wide)).ElementAt(output).detach().MoveToOuterDisposeScope(), true);
        }
        catch (Exception exception) when (exception is not OutOfMemoryException)
        {
            return (
                TensorTree.Flatten(call.RunWithGradients(arguments)).ElementAt(output).detach()
                    .MoveToOuterDisposeScope(), false);
        }
        finally
        {
            _ = state.RestoreFields();
        }
    }

    private ModuleMismatchException Mismatch(
        IReadOnlyDictionary<string, long> sizes, string output, long[] actual, long[] expected,
        Difference difference, (Difference Graph, Difference Module)? inDouble)
        => new(
            actual.AsSpan().SequenceEqual(expected)
                ? $"At {Text(sizes)} the output '{output}' differs by {difference.Absolute:g3}, "
                    + $"{difference.Relative:g3} of its scale; allowed is {tolerance:g3}.{InDouble(inDouble)} "
                    + "The module does other things at other sizes or values, or computes inexactly: fix the axis, "
                    + "declare 'Min', 'Max' or 'Multiple', or raise 'Tolerance'."
                : $"At {Text(sizes)} the output '{output}' has shape [{string.Join(", ", actual)}], the module's "
                    + $"[{string.Join(", ", expected)}]. The module does other things at other sizes: fix the "
                    + "axis, or declare 'Min', 'Max' or 'Multiple'.");

    private static string InDouble((Difference Graph, Difference Module)? differences)
        => differences is not { } both ? ""
            : $" Of what the module computes in float64 the graph is off by {both.Graph.Relative:g3}, the module "
                + $"itself by {both.Module.Relative:g3}.";

    private static string Text(IReadOnlyDictionary<string, long> sizes)
        => sizes.Count == 0 ? "the example's sizes"
            : string.Join(", ", sizes.Select(size => $"{size.Key}={size.Value}"));
}

/// <summary>Carries the sizes and inputs at which a graph differs from its module.</summary>
internal sealed class ProofException(
    IReadOnlyDictionary<string, long> sizes, torch.Tensor[] inputs, ModuleMismatchException mismatch)
    : Exception(mismatch.Message)
{
    public IReadOnlyDictionary<string, long> Sizes { get; } = sizes;

    public torch.Tensor[] Inputs { get; } = inputs;

    public ModuleMismatchException Mismatch { get; } = mismatch;
}

/// <summary>A session that is opened when it is first needed.</summary>
internal sealed class Session(string graph, IReadOnlyDictionary<string, torch.Tensor>? weights) : IDisposable
{
    private GraphRunner? _runner;

    public GraphRunner Runner => _runner ??= new GraphRunner(graph, weights);

    public void Dispose() => _runner?.Dispose();
}
