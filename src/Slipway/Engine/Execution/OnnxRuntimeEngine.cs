using Slipway.Engine.Adapters;
using Slipway.Engine.Cache;
using Slipway.Kernels.MatMul;
using Slipway.Packaging;

namespace Slipway.Engine.Execution;

/// <summary>Runs graphs in sessions of ONNX Runtime, over a cache of this library's own.</summary>
internal sealed class OnnxRuntimeEngine : LanguageModelEngine
{
    /// <summary>The engine of models that are told no other.</summary>
    public static OnnxRuntimeEngine Instance { get; } = new();

    internal override OpenedDecoder Open(ModelPackage package, LanguageModelOptions options)
    {
        var opened = ModelSession.Open(package, options);
        try
        {
            var graph = DecoderGraph.Read(opened.Session, package);
            var adapters = graph.Concatenates ? null : AdapterSet.Read(opened.Session, package);
            return new OpenedDecoder
            {
                Decoder = graph.Concatenates
                    ? new DynamicCacheDecoder(opened.Session, graph)
                    : new Decoder(
                        opened.Session, graph, adapters,
                        KernelVariant.SupportsInactiveSlots(package, options, opened.Session, graph),
                        TensorMemory.Of(opened, graph), copiesInputs: !opened.Choice.Provider.IsProcessor),
                VocabularySize = graph.VocabularySize,
                Size = graph.Size,
                Path = opened.Graph.Path,
                Provider = opened.Choice.ToString(),
                Kernels = opened.Graph.HasKernels ? $"Slipway's ({InstructionSets.Best(4)})" : "ONNX Runtime's",
                Adapters = adapters,
                Graph = (opened.Session, graph),
                Runtime = opened,
            };
        }
        catch
        {
            opened.Dispose();
            throw;
        }
    }
}
