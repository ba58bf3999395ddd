using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Slipway.Kernels.Interop;

/// <summary>Calls the functions of ONNX Runtime's C interface that its C# binding does not offer.</summary>
/// <remarks>
/// The interface is a table of functions that only ever grows at its end, so a function's place in it is for good.
/// Source: onnxruntime_c_api.h, version 24.
/// </remarks>
internal static unsafe partial class RuntimeApi
{
    // The version that has all functions called here.
    private const uint Version = 24;

    private static readonly Lazy<nint> Table = new(Load);

    /// <summary>Makes an error of which ONNX Runtime becomes the owner.</summary>
    public static nint CreateStatus(string message)
    {
        const int fail = 1;
        fixed (byte* text = NativeText(message))
        {
            return ((delegate* unmanaged<int, byte*, nint>)Function(0))(fail, text);
        }
    }

    public static nint CreateCustomOpDomain(string name)
    {
        nint domain;
        fixed (byte* text = NativeText(name))
        {
            Check(((delegate* unmanaged<byte*, nint*, nint>)Function(26))(text, &domain));
        }

        return domain;
    }

    public static void ReleaseCustomOpDomain(nint domain)
        => ((delegate* unmanaged<nint, void>)Function(101))(domain);

    public static void AddToDomain(nint domain, void* customOperator)
        => Check(((delegate* unmanaged<nint, void*, nint>)Function(27))(domain, customOperator));

    public static void AddDomain(nint sessionOptions, nint domain)
        => Check(((delegate* unmanaged<nint, nint, nint>)Function(28))(sessionOptions, domain));

    public static long Integer(nint kernelInfo, string attribute)
    {
        long value;
        fixed (byte* text = NativeText(attribute))
        {
            Check(((delegate* unmanaged<nint, byte*, long*, nint>)Function(86))(kernelInfo, text, &value));
        }

        return value;
    }

    public static float Number(nint kernelInfo, string attribute)
    {
        float value;
        fixed (byte* text = NativeText(attribute))
        {
            Check(((delegate* unmanaged<nint, byte*, float*, nint>)Function(85))(kernelInfo, text, &value));
        }

        return value;
    }

    /// <summary>The name of the node that a kernel is made for.</summary>
    public static string NodeName(nint kernelInfo)
    {
        nuint size = 0;
        var get = (delegate* unmanaged<nint, byte*, nuint*, nint>)Function(244);
        Check(get(kernelInfo, null, &size));
        var text = new byte[size];
        fixed (byte* start = text)
        {
            Check(get(kernelInfo, start, &size));
        }

        return Text(text);
    }

    /// <summary>The names of a node's inputs, empty for those that it leaves out.</summary>
    public static string[] InputNames(nint kernelInfo)
    {
        nuint count;
        Check(((delegate* unmanaged<nint, nuint*, nint>)Function(230))(kernelInfo, &count));
        return [.. Enumerable.Range(0, (int)count).Select(index => InputName(kernelInfo, index))];
    }

    /// <summary>
    /// A constant that a node reads; an absent one where it reads none there, or none that is constant.
    /// </summary>
    public static Tensor Constant(nint kernelInfo, int index)
    {
        int isConstant;
        nint value;
        Check(((delegate* unmanaged<nint, nuint, int*, nint*, nint>)Function(249))(
            kernelInfo, (nuint)index, &isConstant, &value));
        return isConstant == 0 || value == 0 ? default : Describe(value);
    }

    public static int InputCount(nint context)
    {
        nuint count;
        Check(((delegate* unmanaged<nint, nuint*, nint>)Function(88))(context, &count));
        return (int)count;
    }

    /// <summary>An input of a run; absent where it is left out.</summary>
    public static Tensor Input(nint context, int index)
    {
        nint value;
        Check(((delegate* unmanaged<nint, nuint, nint*, nint>)Function(90))(context, (nuint)index, &value));
        return value == 0 ? default : Describe(value);
    }

    /// <summary>The memory of an output of a run.</summary>
    public static void* Output(nint context, int index, ReadOnlySpan<long> shape)
    {
        nint value;
        fixed (long* sizes = shape)
        {
            Check(((delegate* unmanaged<nint, nuint, long*, nuint, nint*, nint>)Function(91))(
                context, (nuint)index, sizes, (nuint)shape.Length, &value));
        }

        return value == 0 ? null : Data(value);
    }

    private static void* Data(nint value)
    {
        void* data;
        Check(((delegate* unmanaged<nint, void**, nint>)Function(51))(value, &data));
        return data;
    }

    private static Tensor Describe(nint value)
    {
        int type;
        long* sizes;
        nuint rank;
        Check(((delegate* unmanaged<nint, int*, long**, nuint*, nint>)Function(414))(value, &type, &sizes, &rank));
        return new Tensor(Data(value), type, sizes, (int)rank);
    }

    private static string InputName(nint kernelInfo, int index)
    {
        nuint size = 0;
        var get = (delegate* unmanaged<nint, nuint, byte*, nuint*, nint>)Function(232);
        Check(get(kernelInfo, (nuint)index, null, &size));
        var text = new byte[size];
        fixed (byte* start = text)
        {
            Check(get(kernelInfo, (nuint)index, start, &size));
        }

        return Text(text);
    }

    private static string Text(byte[] text) => System.Text.Encoding.UTF8.GetString(text).TrimEnd('\0');

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void* Function(int place) => ((void**)Table.Value)[place];

    private static void Check(nint status)
    {
        if (status != 0)
        {
            var message = Marshal.PtrToStringUTF8((nint)((delegate* unmanaged<nint, byte*>)Function(2))(status));
            ((delegate* unmanaged<nint, void>)Function(93))(status);
            throw new InvalidOperationException(message);
        }
    }

    private static byte[] NativeText(string text) => [.. System.Text.Encoding.UTF8.GetBytes(text), 0];

    private static nint Load()
    {
        var api = ((delegate* unmanaged<uint, nint>)(*(void**)GetApiBase()))(Version);
        return api != 0 ? api : throw new NotSupportedException(
            "The native library of ONNX Runtime is older than 1.24, which kernels of one's own need. Reference the "
            + "package 'Slipway.Cpu' in the program, and no other version of 'Microsoft.ML.OnnxRuntime'.");
    }

    [LibraryImport("onnxruntime", EntryPoint = "OrtGetApiBase")]
    private static partial nint GetApiBase();

    /// <summary>A tensor of ONNX Runtime's, valid as long as what it came from.</summary>
    public readonly struct Tensor(void* data, int type, long* sizes, int rank)
    {
        /// <summary>Tells whether there is none: ONNX has no type 0.</summary>
        public bool IsAbsent => type == 0;

        /// <summary>The type of the elements, by ONNX's numbers.</summary>
        public OperandType Type => (OperandType)type;

        public ReadOnlySpan<long> Shape => new(sizes, rank);

        public T* Data<T>()
            where T : unmanaged => (T*)data;
    }
}
