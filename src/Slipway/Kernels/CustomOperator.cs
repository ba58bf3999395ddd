using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Slipway.Kernels;

/// <summary>What one node of a graph runs; made when a session opens, used by one run at a time.</summary>
internal interface INodeKernel : IDisposable
{
    void Compute(KernelContext context);
}

/// <summary>Describes an operator to ONNX Runtime; a row of <see cref="KernelLibrary"/>.</summary>
/// <param name="Name">The operator's name.</param>
/// <param name="Create">Makes the kernel of a node.</param>
/// <param name="Inputs">The types of the inputs.</param>
/// <param name="RequiredInputs">How many of the inputs, the first ones, must be there.</param>
/// <param name="Outputs">The types of the outputs.</param>
internal sealed record CustomOperator(
    string Name,
    Func<KernelInfo, INodeKernel> Create,
    IReadOnlyList<OperandType> Inputs,
    int RequiredInputs,
    IReadOnlyList<OperandType> Outputs);

/// <summary>Types of tensors, by ONNX's numbers.</summary>
internal enum OperandType
{
    Float = 1,
    UInt8 = 2,
    Int8 = 3,
    Int32 = 6,
}

/// <summary>What a node says of itself when its kernel is made.</summary>
internal readonly struct KernelInfo(nint handle)
{
    public int Integer(string attribute) => checked((int)RuntimeApi.Integer(handle, attribute));

    public float Number(string attribute) => RuntimeApi.Number(handle, attribute);

    public RuntimeApi.Tensor Constant(int input) => RuntimeApi.Constant(handle, input);
}

/// <summary>Gives a run's tensors.</summary>
internal readonly unsafe struct KernelContext(nint handle)
{
    /// <summary>An input; absent where the node leaves it out.</summary>
    public RuntimeApi.Tensor Input(int index)
        => index < RuntimeApi.InputCount(handle) ? RuntimeApi.Input(handle, index) : default;

    public T* Output<T>(int index, ReadOnlySpan<long> shape)
        where T : unmanaged => (T*)RuntimeApi.Output(handle, index, shape);
}

/// <summary>The table of functions by which ONNX Runtime asks an operator; never freed.</summary>
/// <remarks>Source: <c>OrtCustomOp</c> of onnxruntime_c_api.h, up to its version 23.</remarks>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativeOperator
{
    private const uint StructVersion = 23;

    private uint version;
    private delegate* unmanaged<NativeOperator*, void*, nint, void*> createKernel;
    private delegate* unmanaged<NativeOperator*, byte*> getName;
    private delegate* unmanaged<NativeOperator*, byte*> getProvider;
    private delegate* unmanaged<NativeOperator*, nuint, int> getInputType;
    private delegate* unmanaged<NativeOperator*, nuint> getInputCount;
    private delegate* unmanaged<NativeOperator*, nuint, int> getOutputType;
    private delegate* unmanaged<NativeOperator*, nuint> getOutputCount;
    private delegate* unmanaged<void*, nint, void> compute;
    private delegate* unmanaged<void*, void> destroy;
    private delegate* unmanaged<NativeOperator*, nuint, int> getInputKind;
    private delegate* unmanaged<NativeOperator*, nuint, int> getOutputKind;
    private delegate* unmanaged<NativeOperator*, nuint, int> getInputMemory;
    private delegate* unmanaged<NativeOperator*, int> getLeastInputs;
    private delegate* unmanaged<NativeOperator*, int> areInputsAlike;
    private delegate* unmanaged<NativeOperator*, int> getLeastOutputs;
    private delegate* unmanaged<NativeOperator*, int> areOutputsAlike;
    private delegate* unmanaged<NativeOperator*, void*, nint, void**, nint> createKernelOrFail;
    private delegate* unmanaged<void*, nint, nint> computeOrFail;
    private delegate* unmanaged<NativeOperator*, nint, nint> inferShape;
    private delegate* unmanaged<NativeOperator*, int> getStartVersion;
    private delegate* unmanaged<NativeOperator*, int> getEndVersion;
    private delegate* unmanaged<int**, int**, nuint> getInPlace;
    private delegate* unmanaged<int*, int*, void> releaseInPlace;
    private delegate* unmanaged<int**, int**, nuint> getAliases;
    private delegate* unmanaged<int*, int*, void> releaseAliases;
    private byte* name;
    private nint description;

    public static NativeOperator* Create(CustomOperator description)
    {
        var native = (NativeOperator*)NativeMemory.AllocZeroed((nuint)sizeof(NativeOperator));
        native->version = StructVersion;
        native->getName = &GetName;
        native->getProvider = &GetProvider;
        native->getInputType = &GetInputType;
        native->getInputCount = &GetInputCount;
        native->getOutputType = &GetOutputType;
        native->getOutputCount = &GetOutputCount;
        native->destroy = &Destroy;
        native->getInputKind = &GetInputKind;
        native->getOutputKind = &GetOutputKind;
        native->getInputMemory = &GetInputMemory;
        native->getLeastInputs = native->areInputsAlike = native->getLeastOutputs = native->areOutputsAlike = &One;
        native->createKernelOrFail = &CreateKernel;
        native->computeOrFail = &Compute;
        native->getStartVersion = &One;
        native->getEndVersion = &Latest;
        native->name = (byte*)Marshal.StringToCoTaskMemUTF8(description.Name);
        native->description = GCHandle.ToIntPtr(GCHandle.Alloc(description));
        return native;
    }

    private static CustomOperator Of(NativeOperator* native)
        => (CustomOperator)GCHandle.FromIntPtr(native->description).Target!;

    [UnmanagedCallersOnly]
    private static byte* GetName(NativeOperator* native) => native->name;

    // None: the processor's.
    [UnmanagedCallersOnly]
    private static byte* GetProvider(NativeOperator* native) => null;

    [UnmanagedCallersOnly]
    private static int GetInputType(NativeOperator* native, nuint input) => (int)Of(native).Inputs[(int)input];

    [UnmanagedCallersOnly]
    private static nuint GetInputCount(NativeOperator* native) => (nuint)Of(native).Inputs.Count;

    [UnmanagedCallersOnly]
    private static int GetOutputType(NativeOperator* native, nuint output) => (int)Of(native).Outputs[(int)output];

    [UnmanagedCallersOnly]
    private static nuint GetOutputCount(NativeOperator* native) => (nuint)Of(native).Outputs.Count;

    [UnmanagedCallersOnly]
    private static int GetInputKind(NativeOperator* native, nuint input)
        => (int)input < Of(native).RequiredInputs ? 0 : 1;

    [UnmanagedCallersOnly]
    private static int GetOutputKind(NativeOperator* native, nuint output) => 0;

    [UnmanagedCallersOnly]
    private static int GetInputMemory(NativeOperator* native, nuint input) => 0;

    [UnmanagedCallersOnly]
    private static int One(NativeOperator* native) => 1;

    [UnmanagedCallersOnly]
    private static int Latest(NativeOperator* native) => int.MaxValue;

    [UnmanagedCallersOnly]
    private static nint CreateKernel(NativeOperator* native, void* api, nint info, void** kernel)
    {
        try
        {
            *kernel = (void*)GCHandle.ToIntPtr(GCHandle.Alloc(Of(native).Create(new KernelInfo(info))));
            return 0;
        }
#pragma warning disable CA1031 // An exception cannot pass through native code; it goes on as an error of the runtime's.
        catch (Exception e)
#pragma warning restore CA1031
        {
            return RuntimeApi.CreateStatus(e.Message);
        }
    }

    [UnmanagedCallersOnly]
    private static nint Compute(void* kernel, nint context)
    {
        try
        {
            KernelBreaks.Offer();
            Unsafe.As<INodeKernel>(GCHandle.FromIntPtr((nint)kernel).Target!).Compute(new KernelContext(context));
            return 0;
        }
#pragma warning disable CA1031 // As above.
        catch (Exception e)
#pragma warning restore CA1031
        {
            return RuntimeApi.CreateStatus(e.Message);
        }
    }

    [UnmanagedCallersOnly]
    private static void Destroy(void* kernel)
    {
        var handle = GCHandle.FromIntPtr((nint)kernel);
        Unsafe.As<INodeKernel>(handle.Target!).Dispose();
        handle.Free();
    }
}
