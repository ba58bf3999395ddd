using System.Reflection;
using TorchSharp;

namespace Slipway.Tracing.Recording;

/// <summary>Makes a module compute in another type of real numbers, and gives it back as it was.</summary>
/// <remarks>
/// <c>Module.to</c> disposes a module's parameters and registers others. Here each tensor object stands for a converted
/// tensor while this object lives, and for its own again afterwards: the same objects, memory and gradients. Layers
/// that libtorch holds itself are converted by it, and their parameters get their own memory back.
/// </remarks>
internal sealed class ModuleCast : IDisposable
{
    private const BindingFlags Hidden = BindingFlags.Instance | BindingFlags.Static | BindingFlags.NonPublic;

    private static readonly FieldInfo Handle = typeof(torch.Tensor).GetField("handle", Hidden)!;
    private static readonly FieldInfo ModuleHandle = typeof(torch.nn.Module).GetField("handle", Hidden)!;

    private static readonly MethodInfo Convert = typeof(torch).Assembly
        .GetType("TorchSharp.PInvoke.NativeMethods", throwOnError: true)!.GetMethod("THSNN_Module_to_dtype", Hidden)!;

    private readonly List<(torch.Tensor Tensor, torch.Tensor Converted)> _exchanged = [];
    private readonly List<(nint Storage, torch.Tensor Own, torch.Tensor Converted)> _converted = [];
    private readonly List<(torch.nn.Module Module, torch.Tensor Tensor, torch.Tensor Own)> _native = [];

    /// <summary>Converts.</summary>
    /// <param name="module">The module.</param>
    /// <param name="type">The type of all real numbers from now on.</param>
    /// <param name="others">Tensors that the module holds beside its parameters and buffers.</param>
    public ModuleCast(torch.nn.Module module, torch.ScalarType type, IEnumerable<torch.Tensor> others)
    {
        try
        {
            Cast(module, type, others);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    private void Cast(torch.nn.Module module, torch.ScalarType type, IEnumerable<torch.Tensor> others)
    {
        using var scope = torch.NewDisposeScope();
        using var noGradients = torch.no_grad();
        foreach (var part in module.named_modules().Select(item => item.module).Prepend(module).Distinct())
        {
            CastNative(part, type);
        }

        foreach (var tensor in module.parameters().Concat(module.buffers()).Concat(others)
            .Distinct(ReferenceEqualityComparer.Instance).Cast<torch.Tensor>())
        {
            if (tensor is { IsInvalid: false } && tensor.is_floating_point() && tensor.dtype != type)
            {
                var own = tensor.detach();
                var converted = Shared(own)?.detach() ?? own.to(type);
                converted = converted.requires_grad_(tensor.requires_grad).DetachFromDisposeScope();
                Exchange(tensor, converted);
                _exchanged.Add((tensor, converted));
                _converted.Add((TensorMemory.Storage(own), own, tensor));
            }
        }
    }

    public void Dispose()
    {
        using var scope = torch.NewDisposeScope();
        using var noGradients = torch.no_grad();
        foreach (var (tensor, converted) in _exchanged)
        {
            Exchange(tensor, converted);
            converted.Dispose();
        }

        foreach (var (module, tensor, own) in _native)
        {
            if (tensor.dtype != own.dtype)
            {
                To(module, own.dtype);
            }

            _ = tensor.set_(own);
            own.Dispose();
        }

        _converted.Clear();
        _exchanged.Clear();
        _native.Clear();
    }

    // Tensors that look at the same memory do so after the conversion.
    private torch.Tensor? Shared(torch.Tensor own)
    {
        var storage = TensorMemory.Storage(own);
        return _converted.Find(item => item.Storage == storage && TensorMemory.IsSameView(item.Own, own)).Converted;
    }

    private void CastNative(torch.nn.Module part, torch.ScalarType type)
    {
        (torch.Tensor Tensor, torch.Tensor Own)[] before =
        [
            .. part.named_parameters(false).Select(item => (torch.Tensor)item.parameter)
                .Concat(part.named_buffers(false).Select(item => item.buffer))
                .Where(tensor => tensor is { IsInvalid: false } && tensor.is_floating_point() && tensor.dtype != type)
                .Select(tensor => (tensor, tensor.detach())),
        ];
        To(part, type);
        foreach (var (tensor, own) in before.Where(item => item.Tensor.dtype == type))
        {
            _native.Add((part, tensor, own.DetachFromDisposeScope()));
            _converted.Add((TensorMemory.Storage(own), own, tensor));
        }
    }

    private static void To(torch.nn.Module module, torch.ScalarType type)
    {
        _ = Convert.Invoke(null, [ModuleHandle.GetValue(module), (sbyte)type, false]);
        torch.CheckForErrors();
    }

    private static void Exchange(torch.Tensor left, torch.Tensor right)
    {
        var handle = Handle.GetValue(left);
        Handle.SetValue(left, Handle.GetValue(right));
        Handle.SetValue(right, handle);
    }
}
