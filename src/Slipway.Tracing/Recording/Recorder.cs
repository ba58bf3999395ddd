using Slipway.Tracing.Interception;
using Slipway.Tracing.Operations;
using TorchSharp;

namespace Slipway.Tracing.Recording;

/// <summary>Records the operations of one run of a module.</summary>
internal sealed class Recorder : IDisposable
{
    private static readonly HashSet<string> Products = new(StringComparer.Ordinal)
    {
        "matmul", "mm", "bmm", "mv", "dot", "baddbmm", "addmm", "addbmm", "einsum", "tensordot", "inner", "linear",
    };

    private readonly OperationTable _operations;
    private readonly ParameterTable _parameters;
    private readonly ModulePaths _paths;
    private readonly bool _allowReading;
    private readonly HoldKind _holds;
    private readonly Dictionary<torch.Tensor, TracedValue> _values = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<TracedValue, TracedCall> _stale = [];
    private readonly List<TracedCall> _calls = [];
    private readonly Stack<(CallSite Site, string? Path)> _frames = [];
    private readonly HashSet<string> _notes = new(StringComparer.Ordinal);
    private Exception? _thrown;
    private int _nextId;

    public Recorder(
        Interceptor interceptor, OperationTable operations, ParameterTable parameters, ModulePaths paths,
        bool allowReading, HoldKind holds)
    {
        _holds = holds;
        Interceptor = interceptor;
        _operations = operations;
        _parameters = parameters;
        _paths = paths;
        _allowReading = allowReading;
    }

    public Interceptor Interceptor { get; }

    /// <summary>The first refusal; kept because the module's own code may catch it.</summary>
    public UntraceableModuleException? Refusal { get; private set; }

    public IReadOnlyList<TracedCall> Calls => _calls;

    /// <summary>The numbers that the module's own code computes with.</summary>
    public NumberLog Numbers { get; } = new();

    /// <summary>Things that the user of the graph has to know, by their places.</summary>
    public IReadOnlyCollection<string> Notes => _notes;

    /// <summary>Declares an input.</summary>
    public TracedValue AddInput(string name, torch.Tensor tensor)
    {
        TracedValue value = new()
        {
            Id = _nextId++, Origin = ValueOrigin.Input, Name = name, Shape = tensor.shape, Type = tensor.dtype,
            DependsOnInput = true,
        };
        _values[tensor] = value;
        return value;
    }

    /// <summary>Finds the value of a tensor that the module gave back.</summary>
    public TracedValue Output(torch.Tensor tensor) => ValueOf(tensor);

    public void Enter(CallSite site, object? target)
        => _frames.Push((site, target is torch.nn.Module module ? _paths.Find(module) : null));

    public void Exit() => _frames.TryPop(out _);

    /// <summary>Records what a method of the framework is given.</summary>
    public void Watch(CallSite site, object?[] arguments)
    {
        Numbers.Add(site, arguments);
        if (FrozenReads.Contains(site.Callee))
        {
            Note(Place(site), $"It reads '{FrozenReads.NameOf(site.Callee)}', and the graph keeps what that was.");
        }
    }

    /// <summary>Adds an exception that was thrown while the module ran, and that it may catch.</summary>
    public void Throws(Exception exception)
    {
        if (exception is not UntraceableModuleException && Refusal is null)
        {
            _thrown ??= exception;
        }
    }

    /// <summary>Ends a run that came to its end: an exception that was thrown has been caught.</summary>
    public void Complete()
    {
        if (_thrown is { } caught)
        {
            Note(
                new TracePlace("", null), $"It catches an exception while it runs ('{caught.GetType().Name}': "
                + $"{TorchMessage.Of(caught)}), and the graph has the path of one that is always thrown.");
        }
    }

    public PendingCall Before(CallSite site, object?[] arguments)
    {
        var operation = _operations.Find(site.Callee);
        var target = arguments.Length > 0 && !site.Callee.IsStatic ? arguments[0] as torch.Tensor : null;
        TracedCall call;
        try
        {
            call = new TracedCall
            {
                Site = site, Operation = operation, Place = Place(site),
                Arguments = [.. arguments.Select(argument => ArgumentReader.Read(argument, ValueOf))],
            };
        }
        catch (NotSupportedException exception) when (exception is not UntraceableModuleException)
        {
            throw Refused(Place(site), exception.Message);
        }

        Check(call);
        RequireOneType(call);
        Numbers.Add(call);
        if (OperationTable.Writes(site.Callee) && target is not null)
        {
            BeforeWrite(call, target);
        }

        return new PendingCall(call, target, FirstStorage(arguments));
    }

    public void After(PendingCall pending, object? result)
    {
        var call = pending.Call;
        var writes = OperationTable.Writes(call.Site.Callee);
        torch.Tensor[] tensors = writes && pending.Target is { } written ? [written] : [.. TensorTree.Flatten(result)];
        if (tensors.Length == 0 || (!writes && ReferenceEquals(result, pending.Target)))
        {
            // A member that gives back the tensor itself has done nothing to it, as 'hardtanh' of TorchSharp 0.107.
            return;
        }

        var depends = Values(call).Any(value => value.DependsOnInput);
        var first = Values(call).FirstOrDefault();
        List<TracedValue> results = [];
        foreach (var tensor in tensors)
        {
            TracedValue value = new()
            {
                Id = _nextId++, Origin = ValueOrigin.Result, Shape = tensor.shape, Type = tensor.dtype,
                DependsOnInput = depends, Call = call, Output = results.Count,
                Held = Holds(depends) ? TensorMemory.Hold(tensor) : null, Base = writes ? null : first,
                ViewOf = !writes && call.Operation is { IsView: true } && pending.Storage != 0
                    && TensorMemory.Storage(tensor) == pending.Storage ? first : null,
            };
            results.Add(value);
            _values[tensor] = value;
        }

        if (writes && result is torch.Tensor same)
        {
            _values[same] = results[0];
        }

        call.Results = results;
        _calls.Add(call);
        if (writes)
        {
            Renew(pending, results[0]);
        }
    }

    public void RefuseThreads(CallSite site)
        => throw Refused(
            Place(site), $"It calls '{site.Callee.DeclaringType!.Name}.{site.Callee.Name}': tracing cannot follow "
            + "other threads and asynchronous code. Compute it in sequence in 'forward'.");

    /// <summary>Makes the exception that says where tracing ended.</summary>
    public UntraceableModuleException Refused(TracePlace place, string reason)
    {
        var exception = UntraceableModuleException.At(place, reason);
        Refusal ??= exception;
        return exception;
    }

    public void Dispose()
    {
        _values.Clear();
        _stale.Clear();
    }

    /// <summary>Lists the tensors among a call's arguments.</summary>
    public static IEnumerable<TracedValue> Values(TracedCall call) => call.Arguments.SelectMany(Values);

    private static IEnumerable<TracedValue> Values(object? argument) => argument switch
    {
        TracedValue value => [value],
        TracedValue[] values => values,
        TracedIndex[] indices => indices.Select(index => index.Tensor).OfType<TracedValue>(),
        TracedIndex { Tensor: { } tensor } => [tensor],
        object?[] items => items.SelectMany(Values),
        _ => [],
    };

    private void Check(TracedCall call)
    {
        var depends = Values(call).Any(value => value.DependsOnInput);
        switch (call.Operation)
        {
            case { Refusal: { } reason } operation when !(operation.IsOnlyForInputs && !depends)
                && !(reason == OperationTable.Reading && (!depends || _allowReading)):
                throw Refused(call.Place, $"It calls '{call.Name}'. {reason}");
            case null when depends:
                throw Refused(
                    call.Place, $"It calls '{call.Site.Callee.DeclaringType!.Name}.{call.Name}', which has no form in "
                    + "ONNX here. Write it with other operations, or say how by 'OnnxOperations.Add'.");
        }

        var parameters = call.Site.Callee.GetParameters();
        for (var index = 0; index < parameters.Length; index++)
        {
            if (parameters[index].Name is "out" or "out_tensor" or "out1"
                && call.Arguments[^(parameters.Length - index)] is not null)
            {
                throw Refused(
                    call.Place, $"It calls '{call.Name}' with 'out:'. Use the tensor that the call returns instead.");
            }
        }
    }

    // libtorch 2.10 ends the process where a product of batches is given two types.
    private static void RequireOneType(TracedCall call)
    {
        if (!Products.Contains(call.Name))
        {
            return;
        }

        var types = Values(call).Select(value => value.Type).Distinct().ToArray();
        if (types.Length > 1)
        {
            throw new InvalidOperationException(
                $"'{call.Name}' is given tensors of the types {string.Join(" and ", types)}; it takes one type.");
        }
    }

    // Other tensors on the same memory no longer have the values that were recorded.
    private void BeforeWrite(TracedCall call, torch.Tensor target)
    {
        if (_parameters.Owner(target) is { } owner)
        {
            throw Refused(
                call.Place, $"It writes into '{owner}' by '{call.Name}': a graph keeps nothing between runs. Return "
                + "the new value, and take the old one as an input.");
        }

        var storage = TensorMemory.Storage(target);
        foreach (var (_, value) in On(storage))
        {
            if (value.Origin == ValueOrigin.Input)
            {
                throw Refused(
                    call.Place, $"It writes into its input '{value.Name}' by '{call.Name}'. Use 'clone()' first.");
            }

            if (value.Origin == ValueOrigin.Constant && CallPolicy.IsTorch(call.Site.Caller.Module.Assembly))
            {
                throw Refused(
                    call.Place, $"It writes by '{call.Name}' into statistics of a layer that is in training, and that "
                    + "'eval()' does not reach: call 'RegisterComponents()' in the constructor of the module "
                    + "that holds it.");
            }

            if (value.Origin == ValueOrigin.Constant)
            {
                throw Refused(
                    call.Place, $"It writes by '{call.Name}' into a tensor that was made before or out of sight: a "
                    + "graph keeps nothing between runs. Make the tensor in 'forward', or use 'clone()' first.");
            }
        }

        foreach (var value in _calls.SelectMany(earlier => earlier.Results).Concat(_values.Values))
        {
            if (value.Held is { } held && TensorMemory.Storage(held) == storage)
            {
                value.Held = held.clone().DetachFromDisposeScope();
            }
        }
    }

    // Tensors on the memory that was written into get new values; one whose relation is unknown is refused when read.
    private void Renew(PendingCall pending, TracedValue after)
    {
        var before = (TracedValue)pending.Call.Arguments[0]!;
        var others = On(TensorMemory.Storage(pending.Target!))
            .Where(item => !ReferenceEquals(item.Value, after)).ToArray();
        var renewed = new SharedMemory(() => _nextId++, _calls.Add).Renew(pending.Call, before, after, others);
        foreach (var (tensor, value) in renewed)
        {
            if (value is null)
            {
                _stale[_values[tensor]] = pending.Call;
            }
            else
            {
                _values[tensor] = value;
            }
        }
    }

    private IReadOnlyList<(torch.Tensor Tensor, TracedValue Value)> On(nint storage)
        => storage == 0 ? [] : [.. _values
            .Where(item => !item.Key.IsInvalid && TensorMemory.Storage(item.Key) == storage)
            .Select(item => (item.Key, item.Value))];

    private static nint FirstStorage(object?[] arguments)
        => arguments.OfType<torch.Tensor>().FirstOrDefault() is { IsInvalid: false } first
            ? TensorMemory.Storage(first) : 0;

    private TracedValue ValueOf(torch.Tensor tensor)
    {
        if (_values.TryGetValue(tensor, out var known))
        {
            return _stale.TryGetValue(known, out var writer)
                ? throw Refused(
                    writer.Place, $"It writes by '{writer.Name}' into memory that another tensor shares, which is read "
                    + "later. Use 'clone()' before writing, or the operation that returns a new tensor.")
                : known;
        }

        if (tensor.is_sparse || tensor.is_complex())
        {
            throw new NotSupportedException(
                "Sparse and complex tensors have no form in ONNX. Use dense ones, complex ones with a last axis of 2.");
        }

        TracedValue value = _parameters.Find(tensor) is { } parameter
            ? new()
            {
                Id = _nextId++, Origin = ValueOrigin.Parameter, Name = parameter.Name, Shape = tensor.shape,
                Type = tensor.dtype, Held = parameter.Tensor,
            }
            : new()
            {
                Id = _nextId++, Origin = ValueOrigin.Constant, Shape = tensor.shape, Type = tensor.dtype,
                Held = TensorMemory.Hold(tensor), Digest = TensorMemory.Digest(tensor),
            };
        return _values[tensor] = value;
    }

    private void Note(TracePlace place, string text)
        => _notes.Add(UntraceableModuleException.At(place, text).Message);

    private bool Holds(bool dependsOnInput)
        => _holds == HoldKind.Everything || (_holds == HoldKind.Constants && !dependsOnInput);

    private TracePlace Place(CallSite site)
    {
        var path = _frames.Select(frame => frame.Path).FirstOrDefault(path => path is not null) ?? "";
        var own = !CallPolicy.IsTorch(site.Caller.Module.Assembly) ? site
            : _frames.Select(frame => frame.Site)
                .FirstOrDefault(frame => !CallPolicy.IsTorch(frame.Caller.Module.Assembly));
        return new TracePlace(path, own);
    }
}

/// <summary>Results whose elements a recorder keeps.</summary>
internal enum HoldKind
{
    /// <summary>None.</summary>
    None,

    /// <summary>Those that no input decides: they may become constants.</summary>
    Constants,

    /// <summary>All of them.</summary>
    Everything,
}
