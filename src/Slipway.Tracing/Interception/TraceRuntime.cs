using System.Reflection;
using System.Reflection.Emit;
using Slipway.Tracing.Recording;

namespace Slipway.Tracing.Interception;

/// <summary>Methods that stubs call; they reach the recorder of the running thread.</summary>
/// <remarks>Without a recorder, as when a delegate outlives its trace, a stub only does what it stands for.</remarks>
internal static class TraceRuntime
{
    private static readonly Lock Gate = new();
    private static readonly List<(Interceptor Owner, CallSite Site)> Sites = [];
    private static readonly List<NumberSite> NumberSites = [];

    [ThreadStatic]
    private static Recorder? _recorder;

    /// <summary>The recorder of this thread, or null.</summary>
    public static Recorder? Recorder
    {
        get => _recorder;
        set => _recorder = value;
    }

    public static int Register(Interceptor owner, CallSite site)
    {
        lock (Gate)
        {
            Sites.Add((owner, site));
            return Sites.Count - 1;
        }
    }

    /// <summary>Registers a place that computes with numbers.</summary>
    public static int Register(NumberSite site)
    {
        lock (Gate)
        {
            NumberSites.Add(site);
            return NumberSites.Count - 1;
        }
    }

    /// <summary>The method that takes two integers and their place.</summary>
    public static MethodInfo Integers { get; } = typeof(TraceRuntime).GetMethod(nameof(RecordIntegers))!;

    /// <summary>The method that takes two real numbers and their place.</summary>
    public static MethodInfo RealNumbers { get; } = typeof(TraceRuntime).GetMethod(nameof(RecordRealNumbers))!;

    /// <summary>The method that takes an array, a position and their place.</summary>
    public static MethodInfo Elements { get; } = typeof(TraceRuntime).GetMethod(nameof(RecordElement))!;

    /// <summary>The function that gives an element.</summary>
    public static MethodInfo Element { get; } = typeof(TraceRuntime).GetMethod(nameof(ElementAt))!;

    public static object? ElementAt(Array array, long position) => array.GetValue(position);

    public static void RecordElement(object? array, long position, int site)
    {
        if (_recorder is { } recorder && array is not null)
        {
            recorder.Numbers.Add(NumberSiteOf(site), [array, position]);
        }
    }

    public static void RecordIntegers(long left, long right, int site) => RecordRealNumbers(left, right, site);

    public static void RecordRealNumbers(double left, double right, int site)
    {
        if (_recorder is { } recorder)
        {
            recorder.Numbers.Add(NumberSiteOf(site), left, right);
        }
    }

    public static void Watch(int site, object?[] arguments)
    {
        if (_recorder is { } recorder)
        {
            recorder.Watch(SiteOf(site).Site, arguments);
        }
    }

    public static object? Before(int site, object?[] arguments) => _recorder?.Before(SiteOf(site).Site, arguments);

    public static void After(object? state, object? result)
    {
        if (state is not null)
        {
            _recorder?.After((PendingCall)state, result);
        }
    }

    public static Delegate? Enter(int site, object? target, RuntimeTypeHandle type)
    {
        var (owner, place) = SiteOf(site);
        var copy = owner.CopyFor(place, target, Type.GetTypeFromHandle(type)!);
        if (copy is not null)
        {
            _recorder?.Enter(place, target);
        }

        return copy;
    }

    public static void Exit() => _recorder?.Exit();

    public static object? Wrap(object? argument)
        => _recorder is { } recorder ? recorder.Interceptor.Wrap(argument) : argument;

    public static void Refuse(int site) => _recorder?.RefuseThreads(SiteOf(site).Site);

    private static NumberSite NumberSiteOf(int index)
    {
        lock (Gate)
        {
            return NumberSites[index];
        }
    }

    private static (Interceptor Owner, CallSite Site) SiteOf(int index)
    {
        lock (Gate)
        {
            return Sites[index];
        }
    }
}

/// <summary>Copies methods once and hands out delegates of the copies.</summary>
internal sealed class Interceptor
{
    private readonly Lock _gate = new();
    private readonly CallPolicy _policy;
    private readonly MethodCopier _copier;
    private readonly StubFactory _stubs;
    private readonly Dictionary<MethodBase, DynamicMethod> _copies = [];
    private readonly Dictionary<(MethodBase, Type), Delegate> _delegates = [];
    private readonly Dictionary<(MethodBase, Type), MethodBase?> _overrides = [];

    public Interceptor(Operations.OperationTable operations)
    {
        _policy = new CallPolicy(operations);
        _stubs = new StubFactory(_policy, site => TraceRuntime.Register(this, site));
        _copier = new MethodCopier(_stubs);
    }

    /// <summary>The copy of a method.</summary>
    public DynamicMethod Copy(MethodBase method)
    {
        lock (_gate)
        {
            if (!_copies.TryGetValue(method, out var copy))
            {
                _copies.Add(method, copy = _copier.Copy(method));
            }

            return copy;
        }
    }

    /// <summary>A delegate of the copy of the method that a call reaches; null where the real one is to run.</summary>
    public Delegate? CopyFor(CallSite site, object? target, Type type)
    {
        lock (_gate)
        {
            var method = site.Callee;
            if (site.IsVirtual || method.IsAbstract)
            {
                var owner = target?.GetType() ?? site.Constraint;
                if (owner is null || (target is not null && owner.IsValueType)
                    || Override(method, owner) is not { } found || !CallPolicy.IsCopied(found))
                {
                    return null;
                }

                method = found;
            }

            if (!_delegates.TryGetValue((method, type), out var copy))
            {
                _delegates.Add((method, type), copy = Traced(method).CreateDelegate(type));
            }

            return copy;
        }
    }

    /// <summary>A delegate or an iterator whose methods are copies; anything else as it is.</summary>
    public object? Wrap(object? argument) => argument switch
    {
        Delegate action => Wrap(action),
        System.Collections.IEnumerable items => TracedEnumerable.Wrap(items, this),
        _ => argument,
    };

    /// <summary>Finds the copy of what an iterator does to go on; null for those of the framework.</summary>
    public Func<bool>? MoveNext(System.Collections.IEnumerator iterator)
    {
        var method = Override(
            typeof(System.Collections.IEnumerator).GetMethod(nameof(System.Collections.IEnumerator.MoveNext))!,
            iterator.GetType());
        return method is not null && CallPolicy.IsCopied(method) && !iterator.GetType().IsValueType
            ? (Func<bool>)Copy(method).CreateDelegate(typeof(Func<bool>), iterator) : null;
    }

    private Delegate Wrap(Delegate action)
    {
        if (action.GetInvocationList() is { Length: > 1 } all)
        {
            return Delegate.Combine([.. all.Select(Wrap)])!;
        }

        var method = action.Method;
        if (method is DynamicMethod || method.DeclaringType is null || method.DeclaringType.IsValueType
            || !CallPolicy.IsCopied(method))
        {
            return action;
        }

        lock (_gate)
        {
            var traced = Traced(method);
            return method.IsStatic && action.Target is null
                ? traced.CreateDelegate(action.GetType()) : traced.CreateDelegate(action.GetType(), action.Target);
        }
    }

    // An operation is reached through a stub that records it, any other method as a copy.
    private DynamicMethod Traced(MethodBase method)
    {
        if (Lowering.LoweredMethods.Find(method) is { } written)
        {
            return Copy(written);
        }

        CallSite site = new(Placeholder, 0, method, OpCodes.Call, null);
        return _policy.Decide(site) == CallKind.Record ? _stubs.Find(site)! : Copy(method);
    }

    private static MethodBase Placeholder { get; } = typeof(TorchSharp.torch).GetMethods()[0];

    private MethodBase? Override(MethodBase method, Type type)
    {
        if (!_overrides.TryGetValue((method, type), out var found))
        {
            _overrides.Add((method, type), found = VirtualMethods.Find((MethodInfo)method, type));
        }

        return found;
    }
}
