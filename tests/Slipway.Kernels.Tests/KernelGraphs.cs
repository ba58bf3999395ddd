using System.Numerics;
using Microsoft.ML.OnnxRuntime;
using Slipway.Kernels.Interop;
using Slipway.Onnx;
using Slipway.Onnx.Serialization;
using Slipway.Packaging.Kernels;
using Slipway.Testing;

namespace Slipway.Kernels.Tests;

/// <summary>Runs a graph of one of this library's operators in ONNX Runtime.</summary>
internal static class KernelGraphs
{
    /// <summary>Opens a session for a graph that the operators may stand in.</summary>
    public static InferenceSession Open(Graph graph, TemporaryFolder folder, int threads = 2)
    {
        var path = folder[$"{Guid.NewGuid()}.onnx"];
        Write(graph, path);
        using var options = new SessionOptions { LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL };
        return KernelLibrary.Open(path, options, threads, spins: true);
    }

    /// <summary>Writes a graph that the operators may stand in.</summary>
    public static void Write(Graph graph, string path) => OnnxFile.Write(
        new OnnxModel(graph)
        {
            OperatorSets = new Dictionary<string, long>(OnnxModel.DefaultOperatorSets)
            {
                [KernelContract.Domain] = KernelContract.Version,
            },
        },
        path);

    public static Initializer Constant<T>(string name, ElementType type, long[] shape, T[] values)
        where T : unmanaged
        => new(name, type, shape, new TensorData.Inline(
            System.Runtime.InteropServices.MemoryMarshal.AsBytes<T>(values).ToArray()));

    public static float[] Numbers(int seed, int count, float size = 1)
    {
#pragma warning disable CA5394 // Numbers to compute with.
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => size * ((2 * random.NextSingle()) - 1))];
    }

    /// <summary>A checksum of numbers to the bit (CRC-32C), by which processors are compared.</summary>
    public static uint Digest(ReadOnlySpan<float> numbers)
    {
        var digest = 0u;
        foreach (var number in numbers)
        {
            digest = BitOperations.Crc32C(digest, BitConverter.SingleToUInt32Bits(number));
        }

        return digest;
    }

    public static byte[] Codes(int seed, int count)
    {
        var bytes = new byte[count];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }
#pragma warning restore CA5394
}
