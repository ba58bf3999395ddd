using System.Collections;
using System.Reflection;
using Slipway.Tracing.Lowering;
using Slipway.Tracing.Operations;
using TorchSharp;

namespace Slipway.Tracing.Interception;

/// <summary>Ways to treat a call in a copied method.</summary>
internal enum CallKind
{
    /// <summary>The call stays as it is.</summary>
    Leave,

    /// <summary>An operation on tensors: it runs, and is recorded.</summary>
    Record,

    /// <summary>The method is copied in turn.</summary>
    Step,

    /// <summary>A delegate: a copy of its method runs.</summary>
    Invoke,

    /// <summary>A framework's method that may call back: its delegates and iterators are copies.</summary>
    Wrap,

    /// <summary>A method of the framework that takes numbers, which are recorded.</summary>
    Watch,

    /// <summary>Tracing cannot follow it.</summary>
    Refuse,
}

/// <summary>Decides which calls are recorded, copied or left.</summary>
internal sealed class CallPolicy(OperationTable operations)
{
    private static readonly string Framework = Path.GetDirectoryName(typeof(object).Assembly.Location) ?? "";

    private static readonly string[] OtherThreads =
    [
        "System.Threading.Tasks.", "System.Threading.Thread", "System.Threading.Timer",
        "System.Linq.ParallelEnumerable",
        "System.Runtime.CompilerServices.AsyncTaskMethodBuilder", "System.Runtime.CompilerServices.TaskAwaiter",
        "System.Runtime.CompilerServices.AsyncVoidMethodBuilder",
        "System.Runtime.CompilerServices.AsyncValueTaskMethodBuilder",
        "System.Runtime.CompilerServices.ValueTaskAwaiter",
        "System.Runtime.CompilerServices.AsyncIteratorMethodBuilder", "System.ComponentModel.BackgroundWorker",
    ];

    // Torch's own classes that compute no tensors, or only keep count of them.
    private static readonly HashSet<Type> Bookkeeping =
    [
        typeof(torch.Device), typeof(Scalar), typeof(ScalarExtensionMethods), typeof(torch.Size),
        typeof(torch.TensorIndex), typeof(DisposeScope), typeof(torch.nn.Module), typeof(torch.Generator),
        typeof(torch.random),
    ];

    private readonly Dictionary<MethodBase, bool> _native = [];
    private readonly Dictionary<MethodBase, bool> _calling = [];

    public CallKind Decide(CallSite site)
    {
        var callee = site.Callee;
        if (callee.DeclaringType is not { IsPointer: false } type)
        {
            return CallKind.Leave;
        }

        if (type.IsArray)
        {
            return callee.Name == "Get" && !IsTorch(site.Caller.Module.Assembly) ? CallKind.Watch : CallKind.Leave;
        }

        if (typeof(Delegate).IsAssignableFrom(type))
        {
            return callee.Name == nameof(Action.Invoke) ? CallKind.Invoke : CallKind.Leave;
        }

        return operations.Find(callee) is not null ? CallKind.Record
            : LoweredMethods.Find(callee) is not null ? CallKind.Step
            : type.Namespace == typeof(LoweredMethods).Namespace && type != typeof(NativeLayer) ? DecideOwn(site)
            : IsTorch(type.Assembly) ? DecideTorch(site, type)
            : IsFramework(type.Assembly) ? DecideFramework(site, type)
            : DecideOwn(site);
    }

    /// <summary>Tells whether a method is copied where a delegate calls it.</summary>
    public static bool IsCopied(MethodBase method)
        => method.DeclaringType is { } type && !IsFramework(type.Assembly) && IntermediateCode.Body(method) is not null
            && !(IsTorch(type.Assembly) && Bookkeeping.Contains(type));

    public static bool IsTorch(Assembly assembly) => assembly == typeof(torch).Assembly;

    public static bool IsFramework(Assembly assembly)
        => assembly == typeof(CallPolicy).Assembly
            || (!assembly.IsDynamic && Path.GetDirectoryName(assembly.Location) == Framework)
            || assembly.GetName().Name is "System.Private.CoreLib";

    public static bool IsWrapped(Type type)
        => typeof(Delegate).IsAssignableFrom(type)
            || (type.IsInterface && type != typeof(IEnumerator) && typeof(IEnumerable).IsAssignableFrom(type));

    private CallKind DecideTorch(CallSite site, Type type)
    {
        var callee = site.Callee;
        if (site.IsConstruction || Bookkeeping.Contains(type)
            || (type.Namespace ?? "").StartsWith("TorchSharp.Utils", StringComparison.Ordinal)
            || type.Name is "AutoGradMode" or "InferenceMode" or "DisposeScopeManager"
            || callee.Name is "MoveToOuterDisposeScope" or "DetachFromDisposeScope" or "MoveToOtherDisposeScope"
                or nameof(IDisposable.Dispose) or nameof(ToString))
        {
            return CallKind.Leave;
        }

        if (IsNative(callee))
        {
            return Touches(callee) ? CallKind.Record : CallKind.Leave;
        }

        return site.IsVirtual || CallsAnything(callee) ? CallKind.Step : CallKind.Leave;
    }

    private static CallKind DecideFramework(CallSite site, Type type)
    {
        var name = type.FullName ?? type.Namespace + "." + type.Name;
        if (OtherThreads.Any(other => name.StartsWith(other, StringComparison.Ordinal))
            && site.Callee.Name is not ("get_CurrentThread" or "get_CurrentManagedThreadId" or "get_ManagedThreadId"))
        {
            return CallKind.Refuse;
        }

        if (site.IsVirtual && type.IsInterface && !(site.Constraint is { IsValueType: true } constraint
                && IsFramework(constraint.Assembly))
            && (typeof(IEnumerator).IsAssignableFrom(type) || typeof(IEnumerable).IsAssignableFrom(type)
                || type == typeof(IDisposable) || IsGenericOver(type)))
        {
            return CallKind.Step;
        }

        return site.Callee.GetParameters().Any(parameter => IsWrapped(parameter.ParameterType))
            ? CallKind.Wrap
            : NumberCalls.IsWatched(site) || FrozenReads.Contains(site.Callee) ? CallKind.Watch : CallKind.Leave;
    }

    private CallKind DecideOwn(CallSite site)
    {
        if (site.IsVirtual)
        {
            return CallKind.Step;
        }

        return IntermediateCode.Body(site.Callee) is null
            || !(CallsAnything(site.Callee) || IntermediateCode.HasNumbers(site.Callee))
            || (site.IsConstruction && site.Callee.DeclaringType!.IsValueType)
            ? CallKind.Leave : CallKind.Step;
    }

    // A static interface member or a generic interface of the framework that a module's own type may implement.
    private static bool IsGenericOver(Type type)
        => type.IsGenericType && type.Namespace == "System.Collections.Generic";

    private bool IsNative(MethodBase method)
    {
        if (!_native.TryGetValue(method, out var isNative))
        {
            _native.Add(method, isNative = TorchMembers.CallsNative(method));
        }

        return isNative;
    }

    private bool CallsAnything(MethodBase method)
    {
        if (!_calling.TryGetValue(method, out var calls))
        {
            _calling.Add(method, calls = IntermediateCode.Body(method) is not null
                && IntermediateCode.Calls(method).Any(callee => callee.DeclaringType != typeof(object)));
        }

        return calls;
    }

    private static bool Touches(MethodBase method) => TorchMembers.TouchesTensors(method);
}
