using System.Numerics.Tensors;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using Slipway.Engine.Cache;
using Slipway.Packaging;

namespace Slipway.Engine.Execution;

/// <summary>Describes a decoder graph's inputs and outputs, checked against the package's configuration.</summary>
internal sealed class DecoderGraph
{
    private const string KeepName = "logits_to_keep";
    private const string PlanName = "planned_length";
    private const long MaxStateSize = 1 << 26;

    private DecoderGraph(string inputIds, string attentionMask, string logits)
    {
        InputIds = inputIds;
        AttentionMask = attentionMask;
        Logits = logits;
    }

    public string InputIds { get; }

    public string AttentionMask { get; }

    public string? PositionIds { get; private init; }

    /// <summary>The input that says how many of the last positions get logits; null where the graph has none.</summary>
    public string? LogitsToKeep { get; private init; }

    /// <summary>The input that says how long a sequence will be whose prompt runs in parts; null for none.</summary>
    public string? PlannedLength { get; private init; }

    /// <summary>The longest sequence that has the first of two sets of rotary frequencies.</summary>
    public int LongRopeThreshold { get; private init; } = int.MaxValue;

    public string Logits { get; }

    public TensorElementType LogitsType { get; private init; }

    /// <summary>
    /// Tells whether present keys and values are tensors of their own: the past and then the new tokens'.
    /// </summary>
    public bool Concatenates { get; private init; }

    public required IReadOnlyList<CacheTensor> Cache { get; init; }

    /// <summary>States that layers carry from step to step beside keys and values.</summary>
    public required IReadOnlyList<StateTensor> States { get; init; }

    public int VocabularySize { get; private init; }

    /// <summary>Which tokens the layers with a window keep; null where all keep all.</summary>
    public CacheWindow? Window { get; private init; }

    /// <summary>
    /// Bytes of a sequence. Where a run concatenates, what goes in and comes out counts too; states count as read and
    /// as written.
    /// </summary>
    public SequenceSize Size => new(
        (Concatenates ? 3 : 1) * Cache.Where(tensor => tensor.Window is null).Sum(tensor => tensor.TokenBytes),
        2 * States.Sum(state => state.SequenceBytes),
        Cache.Where(tensor => tensor.Window is not null).Sum(tensor => tensor.TokenBytes),
        Window?.Capacity ?? 0);

    /// <param name="session">Runs the graph.</param>
    /// <param name="package">The package.</param>
    public static DecoderGraph Read(InferenceSession session, ModelPackage package)
    {
        var path = package.ModelPath;
        var model = package.Config.Model;
        var decoder = model.Decoder;
        var inputs = session.InputMetadata;
        var outputs = session.OutputMetadata;
        var inputIds = Find(path, inputs, decoder.Inputs, "input_ids", "input");
        var mask = Find(path, inputs, decoder.Inputs, "attention_mask", "input");
        var logits = Find(path, outputs, decoder.Outputs, "logits", "output");
        var positions = decoder.Inputs.GetValueOrDefault("position_ids", "position_ids");
        var known = new HashSet<string>(StringComparer.Ordinal) { inputIds, mask, positions, KeepName, PlanName };
        var cache = new List<CacheTensor>();
        var states = new List<StateTensor>();
        var window = package.Config.Search.PastPresentShareBuffer ? CacheWindow.Of(decoder.SlidingWindow) : null;
        var sliding = decoder.SlidingWindow?.Layers ?? [];
        for (var layer = 0; layer < decoder.NumHiddenLayers; layer++)
        {
            var carried = ReadStates(path, inputs, outputs, decoder, layer);
            known.UnionWith(carried.Select(state => state.Past));
            states.AddRange(carried);
            var firstKey = Numbered(decoder.Inputs, "past_key_names", "past_key_values.%d.key", layer);
            if (carried.Count > 0 && !inputs.ContainsKey(firstKey))
            {
                continue;
            }

            foreach (var role in (string[])["key", "value"])
            {
                var past = Numbered(decoder.Inputs, $"past_{role}_names", $"past_key_values.%d.{role}", layer);
                var present = Numbered(decoder.Outputs, $"present_{role}_names", $"present.%d.{role}", layer);
                if (role == "value" && !inputs.ContainsKey(past) && !outputs.ContainsKey(present))
                {
                    // A layer may keep one tensor only.
                    continue;
                }

                cache.Add(ReadCacheTensor(path, inputs, outputs, past, present, decoder) with
                {
                    Window = sliding.Count == 0 || sliding.Contains(layer) ? window : null,
                });
                known.Add(past);
            }
        }

        if (!package.Config.Search.PastPresentShareBuffer && states.Count > 0)
        {
            throw new NotSupportedException(
                $"The package '{package.Path}' sets 'past_present_share_buffer' to 'false' and carries states. Only "
                + "keys and values may be concatenated: export it again with 'slipway export'.");
        }

        var unknown = inputs.Keys.FirstOrDefault(name => !known.Contains(name));
        if (unknown is not null)
        {
            throw new NotSupportedException(
                $"The graph '{path}' has an input '{unknown}' that a plain decoder does not have. Supported are "
                + "'input_ids', 'attention_mask', 'position_ids', 'logits_to_keep' and past keys and values.");
        }

        var keeps = inputs.ContainsKey(KeepName) || session.OverridableInitializerMetadata.ContainsKey(KeepName);
        var plans = inputs.ContainsKey(PlanName) || session.OverridableInitializerMetadata.ContainsKey(PlanName);
        if (plans && package.Manifest?.RotarySwitch is null)
        {
            throw new PackageException(
                path,
                $"The graph '{path}' has two sets of rotary frequencies, but no 'slipway.json' with 'rotary_switch' "
                + "beside it says which sequences have which. Copy or export the package again.");
        }

        return new DecoderGraph(inputIds, mask, logits)
        {
            PositionIds = inputs.ContainsKey(positions) ? positions : null,
            LogitsToKeep = keeps ? KeepName : null,
            PlannedLength = plans ? PlanName : null,
            LongRopeThreshold = plans ? package.Manifest!.RotarySwitch!.Value : int.MaxValue,
            LogitsType = RequireFloat(path, logits, outputs[logits]),
            Concatenates = !package.Config.Search.PastPresentShareBuffer,
            Cache = cache,
            States = states,
            Window = cache.Find(tensor => tensor.Window is not null)?.Window,
            VocabularySize = outputs[logits].Dimensions is [.., > 0 and var size] ? size : model.VocabSize,
        };
    }

    private static CacheTensor ReadCacheTensor(
        string path,
        IReadOnlyDictionary<string, NodeMetadata> inputs,
        IReadOnlyDictionary<string, NodeMetadata> outputs,
        string past,
        string present,
        GenAIDecoder decoder)
    {
        var metadata = inputs.GetValueOrDefault(past) ?? throw Missing(path, "input", past);
        _ = outputs.GetValueOrDefault(present) ?? throw Missing(path, "output", present);
        var type = metadata.ElementDataType;
        if (type is not (TensorElementType.Int8 or TensorElementType.UInt8))
        {
            _ = RequireFloat(path, past, metadata, ", or 'Int8' and packed 'UInt8' codes,");
        }

        if (metadata.Dimensions is not [_, var heads, _, var size])
        {
            throw new PackageException(
                path,
                $"Input '{past}' of '{path}' has {metadata.Dimensions.Length} dimensions; expected 4: batch, heads, "
                + "length and head size. Export the package again.");
        }

        return new CacheTensor(
            past,
            present,
            heads > 0 ? heads : decoder.NumKeyValueHeads,
            size > 0 ? size : type == TensorElementType.UInt8 ? (decoder.HeadSize + 1) / 2 : decoder.HeadSize,
            type);
    }

    private static List<StateTensor> ReadStates(
        string path,
        IReadOnlyDictionary<string, NodeMetadata> inputs,
        IReadOnlyDictionary<string, NodeMetadata> outputs,
        GenAIDecoder decoder,
        int layer)
    {
        var states = new List<StateTensor>();
        foreach (var role in decoder.Inputs.Keys.Where(IsState).Order(StringComparer.Ordinal))
        {
            var past = Numbered(decoder.Inputs, role, role, layer);
            if (!inputs.TryGetValue(past, out var metadata))
            {
                continue;
            }

            var present = Numbered(decoder.Outputs, $"present{role[4..]}", $"present{role[4..]}", layer);
            _ = outputs.GetValueOrDefault(present) ?? throw Missing(path, "output", present);
            long[] shape = [.. metadata.Dimensions.Skip(1).Select(size => (long)size)];
            if (shape.Length == 0 || shape.Any(size => size is <= 0 or > MaxStateSize) || shape.Length > 4
                || TensorPrimitives.Product<long>(shape) > MaxStateSize)
            {
                throw new PackageException(
                    path,
                    $"Input '{past}' of '{path}' has the shape [{string.Join(", ", metadata.Dimensions)}]; expected "
                    + "the batch, then fixed sizes. Export the package again.");
            }

            states.Add(new StateTensor(past, present, shape, RequireFloat(path, past, metadata)));
        }

        return states;

        static bool IsState(string role) => role.StartsWith("past_", StringComparison.Ordinal)
            && role.EndsWith("_state_names", StringComparison.Ordinal);
    }

    private static string Numbered(IReadOnlyDictionary<string, string> names, string role, string standard, int layer)
        => names.GetValueOrDefault(role, standard)
            .Replace("%d", layer.ToString(System.Globalization.CultureInfo.InvariantCulture), StringComparison.Ordinal);

    private static string Find(
        string path,
        IReadOnlyDictionary<string, NodeMetadata> tensors,
        IReadOnlyDictionary<string, string> names,
        string role,
        string kind)
    {
        var name = names.GetValueOrDefault(role, role);
        return tensors.ContainsKey(name) ? name : throw Missing(path, kind, name);
    }

    private static TensorElementType RequireFloat(string path, string name, NodeMetadata metadata, string more = "")
        => metadata.ElementDataType is TensorElementType.Float or TensorElementType.Float16
            ? metadata.ElementDataType
            : throw new NotSupportedException(
                $"Tensor '{name}' of '{path}' has type '{metadata.ElementDataType}'; 'Float' and 'Float16'{more} are "
                + "supported. Export the package again.");

    private static PackageException Missing(string path, string kind, string name)
        => new(
            path,
            $"The graph '{path}' has no {kind} '{name}', which '{ModelPackage.ConfigFile}' names. Export the package "
            + "again.");
}
