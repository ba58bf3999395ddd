using System.Text.Json.Nodes;
using Slipway.Export;
using Slipway.Export.Adapters;
using Slipway.Export.Passes;
using Slipway.Export.Quantization.Graphs;
using Slipway.LanguageModels.Caching;
using Slipway.Onnx;
using Slipway.Onnx.Serialization;
using Slipway.Packaging;

namespace Slipway.LanguageModels.Packages;

/// <summary>Writes a package in single precision.</summary>
internal static class FloatPackage
{
    private const string GraphFile = "model.onnx", DataFile = "model.onnx.data", KernelFile = "kernels.onnx";
    private const int MinExternal = 1024;

    /// <summary>Writes.</summary>
    /// <param name="package">The package to be; the caller commits it.</param>
    /// <param name="steps">The graph.</param>
    /// <param name="folder">The folder in which its constants stand.</param>
    /// <param name="texts">The tokenizer's files.</param>
    /// <param name="adapters">The adapters that requests choose between; null for none.</param>
    /// <param name="places">Says of the graph's values where their batch is.</param>
    /// <param name="module">The class of the module.</param>
    /// <param name="contextLength">The longest sequence.</param>
    /// <param name="vocabularySize">The last axis of the logits.</param>
    public static PackageManifest Write(
        PackageWriter package, StepGraph steps, string folder, TextFolder texts, SwitchedAdapters? adapters,
        Func<string, BatchPlace?> places, string module, int contextLength, int vocabularySize)
    {
        var graph = WithData(package, steps.Graph, folder);
        using GraphTensors tensors = new(package.Folder);
        graph = adapters is null ? graph : GraphAdapters.Apply(graph, places, adapters, tensors);
        var window = SlidingCache.Find(graph, contextLength, isQuantized: false);
        graph = SlidingCache.Apply(graph, window?.Layers ?? []);
        Write(package, new OnnxModel(graph), GraphFile);
        var kernels = KernelGraph.Convert(graph, KeyValuePrecision.Float32);
        if (kernels is not null)
        {
            Write(package, new OnnxModel(kernels) { OperatorSets = KernelGraph.OperatorSets }, KernelFile);
        }

        package.Write(Describe(steps, texts, contextLength, vocabularySize, window));
        texts.Write(package);
        return new PackageManifest
        {
            Producer = Exporter.Producer,
            Architecture = module,
            SourceFormat = "module",
            Precision = Precisions.NameOf(Precision.Float32),
            Variants = kernels is null ? null : [Exporter.Variant(kernels)],
            Adapters = adapters?.Write(package) is { Count: > 0 } written ? written : null,
            AdapterLayers = adapters?.Layers(),
        };
    }

    // Constants are copied one after the other, so that memory does not grow with the model.
    private static Graph WithData(PackageWriter package, Graph source, string folder)
    {
        Dictionary<string, TensorData> moved = new(StringComparer.Ordinal);
        using (ExternalDataWriter data = new(package.Create(DataFile), DataFile))
        {
            foreach (var constant in source.Initializers.Where(constant => constant.Data.Length >= MinExternal))
            {
                data.Begin(constant.Data.Length);
                Copy(constant.Data, folder, data);
                moved[constant.Name] = data.End();
            }
        }

        return GraphCopy.Make(
            source, node => [node], changeConstant: constant => moved.TryGetValue(constant.Name, out var data)
                ? constant with { Data = data } : constant);
    }

    private static void Copy(TensorData data, string folder, ExternalDataWriter writer)
    {
        if (data is TensorData.Inline inline)
        {
            writer.Write(inline.Bytes.Span);
            return;
        }

        var external = (TensorData.External)data;
        using var stream = File.OpenRead(Path.Combine(folder, external.File));
        stream.Position = external.Offset;
        var buffer = new byte[1 << 20];
        for (var left = external.Count; left > 0;)
        {
            var count = (int)Math.Min(left, buffer.Length);
            stream.ReadExactly(buffer.AsSpan(0, count));
            writer.Write<byte>(buffer.AsSpan(0, count));
            left -= count;
        }
    }

    private static void Write(PackageWriter package, OnnxModel model, string file)
    {
        using var stream = package.Create(file);
        OnnxFile.Write(model with { ProducerName = "Slipway" }, stream);
    }

    private static GenAIConfig Describe(
        StepGraph steps, TextFolder texts, int contextLength, int vocabularySize, GenAISlidingWindow? window)
    {
        var first = steps.Kept[0];
        return new GenAIConfig
        {
            Model = new GenAIModel
            {
                Type = "decoder",
                VocabSize = vocabularySize,
                ContextLength = contextLength,
                EosTokenId = texts.EndTokenId is { } end ? [end] : [],
                Decoder = new GenAIDecoder
                {
                    Filename = GraphFile,
                    HeadSize = (int)first.Size,
                    HiddenSize = (int)(first.Heads * first.Size),
                    NumAttentionHeads = (int)first.Heads,
                    NumKeyValueHeads = (int)first.Heads,
                    NumHiddenLayers = steps.Layers,
                    Inputs = Names("past", "past_key_values", "input_ids", "attention_mask"),
                    Outputs = Names("present", "present", "logits"),
                    SlidingWindow = window,
                    SessionOptions = new JsonObject { ["provider_options"] = new JsonArray() },
                },
            },
            Search = new GenAISearch { MaxLength = contextLength },
        };
    }

    private static Dictionary<string, string> Names(string role, string prefix, params string[] plain)
    {
        var names = plain.ToDictionary(name => name);
        names[$"{role}_key_names"] = $"{prefix}.%d.key";
        names[$"{role}_value_names"] = $"{prefix}.%d.value";
        return names;
    }
}
