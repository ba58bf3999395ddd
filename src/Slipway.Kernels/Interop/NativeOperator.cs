using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Slipway.Kernels.Threading;
using Slipway.Packaging.Kernels;

namespace Slipway.Kernels.Interop;

/// <summary>The table of functions by which ONNX Runtime asks an operator.</summary>
/// <remarks>Source: <c>OrtCustomOp</c> of onnxruntime_c_api.h, up to its version 23.</remarks>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativeOperator
{
    private const uint StructVersion = 23;

    private uint _version;
    private delegate* unmanaged<NativeOperator*, void*, nint, void*> _createKernel;
    private delegate* unmanaged<NativeOperator*, byte*> _getName;
    private delegate* unmanaged<NativeOperator*, byte*> _getProvider;
    private delegate* unmanaged<NativeOperator*, nuint, int> _getInputType;
    private delegate* unmanaged<NativeOperator*, nuint> _getInputCount;
    private delegate* unmanaged<NativeOperator*, nuint, int> _getOutputType;
    private delegate* unmanaged<NativeOperator*, nuint> _getOutputCount;
    private delegate* unmanaged<void*, nint, void> _compute;
    private delegate* unmanaged<void*, void> _destroy;
    private delegate* unmanaged<NativeOperator*, nuint, int> _getInputKind;
    private delegate* unmanaged<NativeOperator*, nuint, int> _getOutputKind;
    private delegate* unmanaged<NativeOperator*, nuint, int> _getInputMemory;
    private delegate* unmanaged<NativeOperator*, int> _getLeastInputs;
    private delegate* unmanaged<NativeOperator*, int> _areInputsAlike;
    private delegate* unmanaged<NativeOperator*, int> _getLeastOutputs;
    private delegate* unmanaged<NativeOperator*, int> _areOutputsAlike;
    private delegate* unmanaged<NativeOperator*, void*, nint, void**, nint> _createKernelOrFail;
    private delegate* unmanaged<void*, nint, nint> _computeOrFail;
    private delegate* unmanaged<NativeOperator*, nint, nint> _inferShape;
    private delegate* unmanaged<NativeOperator*, int> _getStartVersion;
    private delegate* unmanaged<NativeOperator*, int> _getEndVersion;
    private delegate* unmanaged<int**, int**, nuint> _getInPlace;
    private delegate* unmanaged<int*, int*, void> _releaseInPlace;
    private delegate* unmanaged<int**, int**, nuint> _getAliases;
    private delegate* unmanaged<int*, int*, void> _releaseAliases;
    private byte* _name;
    private nint _description;

    /// <summary>Makes the table; <see cref="Free"/> frees it.</summary>
    public static NativeOperator* Create(CustomOperator description, KernelDomain domain)
    {
        var native = (NativeOperator*)NativeMemory.AllocZeroed((nuint)sizeof(NativeOperator));
        native->_version = StructVersion;
        native->_getName = &GetName;
        native->_getProvider = &GetProvider;
        native->_getInputType = &GetInputType;
        native->_getInputCount = &GetInputCount;
        native->_getOutputType = &GetOutputType;
        native->_getOutputCount = &GetOutputCount;
        native->_destroy = &Destroy;
        native->_getInputKind = &GetInputKind;
        native->_getOutputKind = &GetOutputKind;
        native->_getInputMemory = &GetInputMemory;
        native->_getLeastInputs = native->_areInputsAlike = native->_getLeastOutputs = native->_areOutputsAlike = &One;
        native->_createKernelOrFail = &CreateKernel;
        native->_computeOrFail = &Compute;
        native->_getStartVersion = &StartVersion;
        native->_getEndVersion = &Latest;
        native->_name = (byte*)Marshal.StringToCoTaskMemUTF8(description.Name);
        native->_description = GCHandle.ToIntPtr(GCHandle.Alloc(new Bound(description, domain)));
        return native;
    }

    /// <summary>Frees a table that no session uses any more.</summary>
    public static void Free(NativeOperator* native)
    {
        GCHandle.FromIntPtr(native->_description).Free();
        Marshal.FreeCoTaskMem((nint)native->_name);
        NativeMemory.Free(native);
    }

    private static CustomOperator Of(NativeOperator* native) => BoundOf(native).Operator;

    private static Bound BoundOf(NativeOperator* native)
        => (Bound)GCHandle.FromIntPtr(native->_description).Target!;

    [UnmanagedCallersOnly]
    private static byte* GetName(NativeOperator* native) => native->_name;

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
    private static int StartVersion(NativeOperator* native) => KernelContract.MinVersion;

    [UnmanagedCallersOnly]
    private static int Latest(NativeOperator* native) => int.MaxValue;

    [UnmanagedCallersOnly]
    private static nint CreateKernel(NativeOperator* native, void* api, nint info, void** kernel)
    {
        try
        {
            var (description, domain) = BoundOf(native);
            var made = description.Create(new KernelInfo(info, description.Name, domain));
            *kernel = (void*)GCHandle.ToIntPtr(GCHandle.Alloc(made));
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
            KernelYield.YieldPoint();
            var target = Unsafe.As<INodeKernel>(GCHandle.FromIntPtr((nint)kernel).Target!);
            target.Compute(new KernelContext(context, target.Node));
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

    // An operator and the domain that it belongs to.
    private sealed record Bound(CustomOperator Operator, KernelDomain Domain);
}
