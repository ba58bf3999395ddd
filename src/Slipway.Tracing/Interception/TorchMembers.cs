using System.Collections;
using System.Reflection;
using System.Runtime.CompilerServices;
using TorchSharp;

namespace Slipway.Tracing.Interception;

/// <summary>Sorts TorchSharp's members by what they do to tensors.</summary>
internal static class TorchMembers
{
    /// <summary>Members that tell a tensor's form, never its elements.</summary>
    private static readonly HashSet<string> Forms = new(StringComparer.Ordinal)
    {
        "get_shape", "get_dtype", "get_device", "get_device_type", "get_device_index", "get_Dimensions", "get_ndim",
        "get_ElementSize", "get_NumberOfElements", "get_is_leaf", "get_is_sparse", "get_requires_grad", "get_names",
        "get_layout", "get_IsInvalid", "get_Handle", "size", "stride", "dim", "numel", "element_size", "has_names",
        "is_contiguous", "is_cpu", "is_conj", "is_neg", "is_pinned", "is_floating_point", "is_complex",
        "is_integral", "storage_offset", "get_grad_fn", "set_requires_grad", "get_grad", "retain_grad", "result_type",
        "broadcast_shapes", "q_per_channel_axis", "q_scale", "q_zero_point", "flatten_parameters",
    };

    /// <summary>Tells whether a member calls libtorch itself.</summary>
    public static bool CallsNative(MethodBase method)
        => IntermediateCode.Calls(method).Any(callee =>
            callee.DeclaringType is { Namespace: "TorchSharp.PInvoke" }
            && callee.Name.StartsWith("THS", StringComparison.Ordinal)
            && callee.Name is not ("THSTorch_get_and_reset_last_err" or "THSGenerator_default_generator"));

    /// <summary>Tells whether a member takes tensors and does more than tell their form, or gives tensors.</summary>
    public static bool TouchesTensors(MethodBase method)
        => !Forms.Contains(method.Name)
            && ((!method.IsStatic && IsTensor(method.DeclaringType!)) || GivesTensors(method)
                || method.GetParameters().Any(parameter => HoldsTensors(parameter.ParameterType)))
            && !(method.Name is "get_weight" or "get_bias" or "get_weight_hh" or "get_weight_ih" or "get_bias_hh"
                or "get_bias_ih");

    /// <summary>Tells whether a member gives tensors.</summary>
    public static bool GivesTensors(MethodBase method)
        => method is MethodInfo { ReturnType: var result } && HoldsTensors(result);

    /// <summary>Tells whether a type is a tensor, or is made of tensors.</summary>
    public static bool HoldsTensors(Type type)
    {
        if (type.HasElementType)
        {
            return HoldsTensors(type.GetElementType()!);
        }

        return IsTensor(type)
            || (type.IsGenericType && (typeof(ITuple).IsAssignableFrom(type)
                || typeof(IEnumerable).IsAssignableFrom(type) || type.IsValueType)
                && type.GetGenericArguments().Any(HoldsTensors));
    }

    /// <summary>Tells whether a type is that of tensors or parameters.</summary>
    public static bool IsTensor(Type type) => typeof(torch.Tensor).IsAssignableFrom(type);
}
