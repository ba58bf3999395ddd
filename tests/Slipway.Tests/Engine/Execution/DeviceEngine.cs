using Microsoft.ML.OnnxRuntime;
using Slipway.Engine.Adapters;
using Slipway.Engine.Cache;
using Slipway.Engine.Execution;
using Slipway.Packaging;

namespace Slipway.Tests.Engine.Execution;

/// <summary>Runs graphs on the processor as on a device whose memory the program cannot reach.</summary>
/// <remarks>
/// Keys, values and states lie in memory of the session's allocator, and come and go by copies of whole tensors alone,
/// as with a GPU; the copies themselves are this class's, where a GPU's are ONNX Runtime's.
/// </remarks>
internal sealed class DeviceEngine : LanguageModelEngine
{
    private long _copies;

    /// <summary>Tensors that were copied to, from or within the device.</summary>
    public long Copies => Interlocked.Read(ref _copies);

    internal override OpenedDecoder Open(ModelPackage package, LanguageModelOptions options)
    {
        var opened = ModelSession.Open(package, options with { UseKernels = false });
        var graph = DecoderGraph.Read(opened.Session, package);
        var adapters = AdapterSet.Read(opened.Session, package);
        using var places = opened.Session.GetMemoryInfosForInputs();
        return new OpenedDecoder
        {
            Decoder = new Decoder(
                opened.Session, graph, adapters, memory: new DeviceMemory(opened.Session, places[0], Copy),
                copiesInputs: true),
            VocabularySize = graph.VocabularySize,
            Size = graph.Size,
            Path = opened.Graph.Path,
            Provider = "test",
            Kernels = "ONNX Runtime's",
            Adapters = adapters,
            Graph = (opened.Session, graph),
            Runtime = opened,
        };
    }

    private void Copy(OrtValue source, OrtValue target)
    {
        Interlocked.Increment(ref _copies);
        var from = source.GetTensorMutableRawData();
        var to = target.GetTensorMutableRawData();
        Assert.Equal(from.Length, to.Length);
        Assert.False(from.Overlaps(to), "No copy overlaps.");
        from.CopyTo(to);
    }
}
