using System.Globalization;
using Slipway.Kernels.Memory;

namespace Slipway.Kernels.Interop;

/// <summary>Tells a kernel that is being made of its node's attributes and constants.</summary>
internal readonly unsafe struct KernelInfo
{
    private readonly nint _handle;

    public KernelInfo(nint handle, string operatorName, KernelDomain domain)
    {
        _handle = handle;
        Domain = domain;
        Node = new KernelNode(RuntimeApi.NodeName(handle), operatorName, RuntimeApi.InputNames(handle));
    }

    /// <summary>The domain of the session that the kernel is made for.</summary>
    public KernelDomain Domain { get; }

    public KernelNode Node { get; }

    /// <summary>An integer attribute.</summary>
    /// <exception cref="InvalidDataException">It is missing or no integer.</exception>
    public long Integer(string attribute)
    {
        try
        {
            return RuntimeApi.Integer(_handle, attribute);
        }
        catch (InvalidOperationException e)
        {
            throw Node.Invalid($"attribute '{attribute}' is missing or no integer ({e.Message})");
        }
    }

    /// <summary>An integer attribute that versions before knew nothing of.</summary>
    /// <param name="attribute">The name.</param>
    /// <param name="missing">What nodes without it mean.</param>
    public long Integer(string attribute, long missing)
    {
        try
        {
            return RuntimeApi.Integer(_handle, attribute);
        }
        catch (InvalidOperationException)
        {
            return missing;
        }
    }

    /// <summary>A finite number.</summary>
    /// <exception cref="InvalidDataException">It is missing, no number, or not finite.</exception>
    public float Number(string attribute)
    {
        float value;
        try
        {
            value = RuntimeApi.Number(_handle, attribute);
        }
        catch (InvalidOperationException e)
        {
            throw Node.Invalid($"attribute '{attribute}' is missing or no number ({e.Message})");
        }

        return float.IsFinite(value) ? value : throw Node.Invalid(string.Create(
            CultureInfo.InvariantCulture, $"attribute '{attribute}' is '{value}'; a finite number was expected"));
    }

    /// <summary>The type of a constant; <see cref="OperandType.Any"/> where the input is none.</summary>
    public OperandType ConstantType(int input)
        => Node.Has(input) ? RuntimeApi.Constant(_handle, input).Type : OperandType.Any;

    /// <summary>The shape of a constant; empty where the input is none.</summary>
    public ReadOnlySpan<long> ConstantShape(int input)
        => Node.Has(input) && RuntimeApi.Constant(_handle, input) is { IsAbsent: false } constant
            ? constant.Shape : [];

    /// <summary>A constant of a type and shape.</summary>
    /// <exception cref="InvalidDataException">The input is missing, no constant, or of another type or
    /// shape.</exception>
    public RuntimeApi.Tensor Constant(int input, OperandType type, ReadOnlySpan<long> shape)
    {
        var constant = RuntimeApi.Constant(_handle, input);
        if (constant.IsAbsent && Node.Has(input))
        {
            throw Node.Invalid($"input {input}, '{Node.InputName(input)}', is no constant of the graph");
        }

        Node.Require(constant, input, type, shape);
        return constant;
    }

    /// <summary>The same, or an absent one where the node leaves the input out.</summary>
    public RuntimeApi.Tensor OptionalConstant(int input, OperandType type, ReadOnlySpan<long> shape)
        => Node.Has(input) ? Constant(input, type, shape) : default;

    /// <summary>Notes that a constant was put in another order, so that its pages are not needed any more.</summary>
    public void NotePacked(in RuntimeApi.Tensor constant, long bytes)
    {
        if (!constant.IsAbsent)
        {
            Domain.Release(new MemoryRange((nint)constant.Data<byte>(), (nint)constant.Data<byte>() + (nint)bytes));
        }
    }
}

/// <summary>Gives a run's tensors.</summary>
internal readonly unsafe struct KernelContext(nint handle, KernelNode node)
{
    /// <summary>An input; absent where the node leaves it out.</summary>
    public RuntimeApi.Tensor Input(int index)
        => index < RuntimeApi.InputCount(handle) ? RuntimeApi.Input(handle, index) : default;

    /// <summary>The memory of an output.</summary>
    /// <exception cref="InvalidDataException">The node leaves the output out.</exception>
    public T* Output<T>(int index, ReadOnlySpan<long> shape)
        where T : unmanaged
    {
        var data = RuntimeApi.Output(handle, index, shape);
        return data is not null || shape.Contains(0)
            ? (T*)data : throw node.Invalid($"output {index} is missing; a name was expected");
    }
}
