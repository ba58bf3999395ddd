using System.Linq.Expressions;
using System.Reflection;
using System.Reflection.Emit;
using System.Runtime.CompilerServices;

namespace Slipway.Tracing.Interception;

/// <summary>Makes the methods that stand for calls in copied methods.</summary>
internal sealed class StubFactory(CallPolicy policy, Func<CallSite, int> register)
{
    private readonly Dictionary<(MethodBase, OpCode, Type?), DynamicMethod?> _shared = [];

    /// <summary>Finds the stub of a call; null where the call stays as it is.</summary>
    /// <remarks>Places in a module's own code have a stub each, so that a refusal can name the line.</remarks>
    public DynamicMethod? Find(CallSite site)
    {
        if (!CallPolicy.IsTorch(site.Caller.Module.Assembly))
        {
            return Make(site);
        }

        var key = (site.Callee, site.Code, site.Constraint);
        if (!_shared.TryGetValue(key, out var stub))
        {
            _shared.Add(key, stub = Make(site));
        }

        return stub;
    }

    private DynamicMethod? Make(CallSite site) => policy.Decide(site) switch
    {
        CallKind.Leave => null,
        CallKind.Record => Record(site),
        CallKind.Step when site.IsConstruction => Construct(site),
        CallKind.Step => Step(site),
        CallKind.Invoke or CallKind.Wrap => Wrap(site),
        CallKind.Watch => Watch(site),
        _ => Refuse(site),
    };

    /// <summary>The type of delegates that take and leave what a signature says.</summary>
    public static Type DelegateType(IEnumerable<Type> parameters, Type result)
        => Expression.GetDelegateType([.. parameters, result]);

    // state = Before(site, [arguments]); result = call(arguments); After(state, result)
    private DynamicMethod Record(CallSite site)
    {
        var (stub, code, signature) = Begin(site);
        var state = code.DeclareLocal(typeof(object));
        code.Emit(OpCodes.Ldc_I4, register(site));
        LoadArray(code, site, signature);
        code.Emit(OpCodes.Call, Runtime(nameof(TraceRuntime.Before)));
        code.Emit(OpCodes.Stloc, state);
        CallReal(code, site, signature);
        var result = signature.Result == typeof(void) ? null : code.DeclareLocal(signature.Result);
        if (result is not null)
        {
            code.Emit(OpCodes.Stloc, result);
        }

        code.Emit(OpCodes.Ldloc, state);
        if (result is null || signature.Result.IsByRefLike || signature.Result.IsPointer)
        {
            code.Emit(OpCodes.Ldnull);
        }
        else
        {
            code.Emit(OpCodes.Ldloc, result);
            code.Emit(OpCodes.Box, signature.Result);
        }

        code.Emit(OpCodes.Call, Runtime(nameof(TraceRuntime.After)));
        if (result is not null)
        {
            code.Emit(OpCodes.Ldloc, result);
        }

        code.Emit(OpCodes.Ret);
        return stub;
    }

    // copy = Enter(site, object); copy is null ? call(arguments) : copy(arguments); Exit()
    private DynamicMethod Step(CallSite site)
    {
        var (stub, code, signature) = Begin(site);
        var isReference = !site.Callee.IsStatic && !IsStructure(site);
        var type = DelegateType(
            isReference ? [typeof(object), .. signature.Parameters.Skip(1)] : signature.Parameters, signature.Result);
        var real = code.DefineLabel();
        code.Emit(OpCodes.Ldc_I4, register(site));
        if (isReference)
        {
            LoadObject(code, site);
        }
        else
        {
            code.Emit(OpCodes.Ldnull);
        }

        code.Emit(OpCodes.Ldtoken, type);
        code.Emit(OpCodes.Call, Runtime(nameof(TraceRuntime.Enter)));
        code.Emit(OpCodes.Dup);
        code.Emit(OpCodes.Brfalse, real);
        code.Emit(OpCodes.Castclass, type);
        for (var index = 0; index < signature.Parameters.Count; index++)
        {
            if (index == 0 && isReference)
            {
                LoadObject(code, site);
            }
            else
            {
                code.Emit(OpCodes.Ldarg, (short)index);
            }
        }

        code.Emit(OpCodes.Callvirt, type.GetMethod(nameof(Action.Invoke))!);
        code.Emit(OpCodes.Call, Runtime(nameof(TraceRuntime.Exit)));
        code.Emit(OpCodes.Ret);
        code.MarkLabel(real);
        code.Emit(OpCodes.Pop);
        CallReal(code, site, signature);
        code.Emit(OpCodes.Ret);
        return stub;
    }

    // result = an empty object; copy of the constructor(result, arguments)
    private DynamicMethod Construct(CallSite site)
    {
        var (stub, code, signature) = Begin(site);
        var type = DelegateType([typeof(object), .. signature.Parameters], typeof(void));
        var result = code.DeclareLocal(typeof(object));
        code.Emit(OpCodes.Ldtoken, site.Callee.DeclaringType!);
        code.Emit(OpCodes.Call, typeof(Type).GetMethod(nameof(Type.GetTypeFromHandle))!);
        code.Emit(OpCodes.Call, typeof(RuntimeHelpers).GetMethod(nameof(RuntimeHelpers.GetUninitializedObject))!);
        code.Emit(OpCodes.Stloc, result);
        code.Emit(OpCodes.Ldc_I4, register(site));
        code.Emit(OpCodes.Ldnull);
        code.Emit(OpCodes.Ldtoken, type);
        code.Emit(OpCodes.Call, Runtime(nameof(TraceRuntime.Enter)));
        code.Emit(OpCodes.Castclass, type);
        code.Emit(OpCodes.Ldloc, result);
        for (var index = 0; index < signature.Parameters.Count; index++)
        {
            code.Emit(OpCodes.Ldarg, (short)index);
        }

        code.Emit(OpCodes.Callvirt, type.GetMethod(nameof(Action.Invoke))!);
        code.Emit(OpCodes.Call, Runtime(nameof(TraceRuntime.Exit)));
        code.Emit(OpCodes.Ldloc, result);
        code.Emit(OpCodes.Castclass, site.Callee.DeclaringType!);
        code.Emit(OpCodes.Ret);
        return stub;
    }

    // call(Wrap(argument), …): delegates and iterators of the module's own run as copies inside the framework.
    private DynamicMethod Wrap(CallSite site)
    {
        var (stub, code, signature) = Begin(site);
        if (NumberCalls.IsWatched(site))
        {
            LoadWatched(code, site, signature);
        }

        for (var index = 0; index < signature.Parameters.Count; index++)
        {
            var type = index == 0 && !site.Callee.IsStatic && !site.IsConstruction
                ? site.Callee.DeclaringType! : signature.Parameters[index];
            if (!CallPolicy.IsWrapped(type))
            {
                continue;
            }

            code.Emit(OpCodes.Ldarg, (short)index);
            code.Emit(OpCodes.Call, Runtime(nameof(TraceRuntime.Wrap)));
            code.Emit(OpCodes.Castclass, type);
            code.Emit(OpCodes.Starg, (short)index);
        }

        CallReal(code, site, signature);
        code.Emit(OpCodes.Ret);
        return stub;
    }

    // Watch(site, [arguments]); call(arguments)
    private DynamicMethod Watch(CallSite site)
    {
        var (stub, code, signature) = Begin(site);
        LoadWatched(code, site, signature);
        CallReal(code, site, signature);
        code.Emit(OpCodes.Ret);
        return stub;
    }

    private void LoadWatched(ILGenerator code, CallSite site, CallSignature signature)
    {
        code.Emit(OpCodes.Ldc_I4, register(site));
        LoadArray(code, site, signature);
        code.Emit(OpCodes.Call, Runtime(nameof(TraceRuntime.Watch)));
    }

    private DynamicMethod Refuse(CallSite site)
    {
        var (stub, code, signature) = Begin(site);
        code.Emit(OpCodes.Ldc_I4, register(site));
        code.Emit(OpCodes.Call, Runtime(nameof(TraceRuntime.Refuse)));
        CallReal(code, site, signature);
        code.Emit(OpCodes.Ret);
        return stub;
    }

    private static (DynamicMethod Stub, ILGenerator Code, CallSignature Signature) Begin(CallSite site)
    {
        var signature = CallSignature.OfCall(site);
        DynamicMethod stub = new(
            $"{site.Callee.Name} (traced)", signature.Result, [.. signature.Parameters], site.Caller.Module,
            skipVisibility: true);
        return (stub, stub.GetILGenerator(), signature);
    }

    private static bool IsStructure(CallSite site)
        => !site.Callee.IsStatic && (site.Constraint ?? site.Callee.DeclaringType!).IsValueType;

    private static void LoadObject(ILGenerator code, CallSite site)
    {
        code.Emit(OpCodes.Ldarg_0);
        if (site.Constraint is not null)
        {
            code.Emit(OpCodes.Ldind_Ref);
        }
    }

    private static void LoadArray(ILGenerator code, CallSite site, CallSignature signature)
    {
        code.Emit(OpCodes.Ldc_I4, signature.Parameters.Count);
        code.Emit(OpCodes.Newarr, typeof(object));
        for (var index = 0; index < signature.Parameters.Count; index++)
        {
            code.Emit(OpCodes.Dup);
            code.Emit(OpCodes.Ldc_I4, index);
            LoadBoxed(code, site, index, signature.Parameters[index]);
            code.Emit(OpCodes.Stelem_Ref);
        }
    }

    private static void LoadBoxed(ILGenerator code, CallSite site, int index, Type type)
    {
        if (type.IsByRef || type.IsPointer)
        {
            if (index == 0 && site.Constraint is { IsValueType: false })
            {
                LoadObject(code, site);
                return;
            }

            if (index == 0 && !site.Callee.IsStatic && type.GetElementType()! is var number
                && NumberCalls.IsFunctionType(number))
            {
                code.Emit(OpCodes.Ldarg_0);
                code.Emit(OpCodes.Ldobj, number);
                code.Emit(OpCodes.Box, number);
                return;
            }

            code.Emit(OpCodes.Ldnull);
        }
        else if (type.IsByRefLike)
        {
            if (type.GetMethod("ToArray", Type.EmptyTypes) is { } toArray)
            {
                code.Emit(OpCodes.Ldarga, (short)index);
                code.Emit(OpCodes.Call, toArray);
            }
            else
            {
                code.Emit(OpCodes.Ldnull);
            }
        }
        else
        {
            code.Emit(OpCodes.Ldarg, (short)index);
            code.Emit(OpCodes.Box, type);
        }
    }

    private static void CallReal(ILGenerator code, CallSite site, CallSignature signature)
    {
        for (var index = 0; index < signature.Parameters.Count; index++)
        {
            code.Emit(OpCodes.Ldarg, (short)index);
        }

        if (site.Constraint is { } constraint)
        {
            code.Emit(OpCodes.Constrained, constraint);
        }

        if (site.Callee is ConstructorInfo constructor)
        {
            code.Emit(site.Code, constructor);
        }
        else
        {
            code.Emit(site.Code, (MethodInfo)site.Callee);
        }
    }

    private static MethodInfo Runtime(string name)
        => typeof(TraceRuntime).GetMethod(name, BindingFlags.Static | BindingFlags.NonPublic | BindingFlags.Public)!;
}
