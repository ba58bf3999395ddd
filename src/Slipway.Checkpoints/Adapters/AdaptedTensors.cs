using System.Text.Json;
using System.Text.Json.Nodes;

namespace Slipway.Checkpoints.Adapters;

// What an adapter makes of a checkpoint's tensors, by the names that the checkpoint stores them with.
internal sealed class AdaptedTensors
{
    private readonly Checkpoint _checkpoint;
    private readonly LoraAdapter _adapter;
    private readonly string _head;
    private readonly TensorInfo? _embedding;

    public AdaptedTensors(Checkpoint checkpoint, LoraAdapter adapter)
    {
        (_checkpoint, _adapter) = (checkpoint, adapter);
        _head = TiedWeights.HeadOf(checkpoint);
        _embedding = TiedWeights.FindEmbedding(checkpoint);
        Tensors = checkpoint.Tensors.ToDictionary(pair => pair.Key, pair => pair.Value, StringComparer.Ordinal);
        foreach (var (name, replacement) in adapter.Replacements)
        {
            Replace(name, replacement);
        }

        Untie();
        foreach (var target in adapter.Targets.Values)
        {
            Add(target);
        }

        foreach (var (name, tokens) in adapter.TokenRows)
        {
            AddRows(name, tokens);
        }
    }

    public Dictionary<string, TensorInfo> Tensors { get; }

    // The adapter's tensors that stand in for the checkpoint's.
    public Dictionary<string, TensorInfo> Replacements { get; } = new(StringComparer.Ordinal);

    // The products that are added.
    public Dictionary<string, LoraModule> Targets { get; } = new(StringComparer.Ordinal);

    // The products whose biases are added.
    public Dictionary<string, LoraModule> Biases { get; } = new(StringComparer.Ordinal);

    // Single rows that the adapter replaces: the row of the adapter's tensor by the token's id.
    public Dictionary<string, LoraTokenRows> TokenRows { get; } = new(StringComparer.Ordinal);

    // The head of a tied model that the adapter parts from the embedding, and the embedding whose numbers it starts
    // from.
    public (string Head, string Embedding)? UntiedHead { get; private set; }

    // The number of tokens where the adapter brings another one.
    public long? Vocabulary { get; private set; }

    // A model of several kinds of input has its decoder's keys in a section.
    public static JsonObject TextConfig(JsonObject config) => config["text_config"] as JsonObject ?? config;

    // Fewer or more rows than the checkpoint's are a vocabulary to which tokens were added.
    private void Replace(string name, TensorInfo replacement)
    {
        var own = _checkpoint.FindTensor(name);
        if (own is null && name == _head && _embedding is not null)
        {
            own = _embedding with { Name = name };
        }

        if (own is null || !own.Shape.SequenceEqual(replacement.Shape))
        {
            if (own is null || own.Shape.Count == 0 || own.Shape[0] != VocabularySize() ||
                replacement.Shape.Count != own.Shape.Count
                || !own.Shape.Skip(1).SequenceEqual(replacement.Shape.Skip(1)))
            {
                throw Unfit(name, replacement.Shape, own);
            }

            if (Vocabulary is { } other && other != replacement.Shape[0])
            {
                throw new CheckpointException(
                    $"The adapter '{_adapter.Path}' brings '{name}' for a vocabulary of {replacement.Shape[0]} tokens "
                    + $"and another tensor for one of {other}. Save the adapter again with embedding and head of one "
                    + "size.",
                    _adapter.Path, name);
            }

            Vocabulary = replacement.Shape[0];
        }

        Tensors[own.Name] = replacement with { Name = own.Name };
        Replacements.Add(own.Name, replacement);
    }

    // An adapter was trained on embedding and head apart: what it does to one of a tied pair leaves the other alone. A
    // vocabulary to which tokens were added is the head's as well.
    private void Untie()
    {
        if (_embedding is null || _checkpoint.FindTensor(_head) is not null || Replacements.ContainsKey(_head) ||
            _adapter.TiesWeights)
        {
            return;
        }

        var changesHead = _adapter.Targets.ContainsKey(_head);
        var changesEmbedding = Vocabulary is null && (Replacements.ContainsKey(_embedding.Name) ||
            _adapter.Targets.Keys.Any(name => _checkpoint.FindTensor(name)?.Name == _embedding.Name));
        if ((changesHead || changesEmbedding) && IsTied())
        {
            UntiedHead = (_head, _embedding.Name);
            var shape = (Vocabulary is null ? _embedding : Tensors[_embedding.Name]).Shape;
            Tensors[_head] = new TensorInfo(_head, TensorType.F32, shape);
        }
    }

    private bool IsTied() => !TextConfig(_checkpoint.Config).TryGetPropertyValue("tie_word_embeddings", out var tied) ||
        tied is null || tied.GetValueKind() == JsonValueKind.True;

    private void Add(LoraTarget target)
    {
        var name = Find(target.Name)?.Name ?? target.Name;
        Check(name, target.IsTransposed ? [target.Inputs, target.Outputs] : [target.Outputs, target.Inputs]);
        Tensors[name] = Tensors[name] with { Type = TensorType.F32 };
        var module = _adapter.Module(target.Name);
        Targets.Add(name, module);
        if (module.UpBias is not null)
        {
            var bias = name[..^"weight".Length] + "bias";
            Check(bias, [target.Outputs]);
            Tensors[bias] = Tensors[bias] with { Type = TensorType.F32 };
            Biases.Add(bias, module);
        }
    }

    private void AddRows(string name, LoraTokenRows rows)
    {
        var own = Find(name);
        if (own is not { Shape: [var count, var size] } || rows.Tensor.Shape is not [_, var width] || width != size ||
            rows.Places.Keys.Any(id => id >= count) || Targets.ContainsKey(own.Name))
        {
            throw Unfit(name, [rows.Places.Keys.Max() + 1L, rows.Tensor.Shape[^1]], own);
        }

        Tensors[own.Name] = own with { Type = TensorType.F32 };
        TokenRows.Add(own.Name, rows);
    }

    // The tensor as it is now, by the adapter's name for it.
    private TensorInfo? Find(string name) =>
        Tensors.GetValueOrDefault(_checkpoint.FindTensor(name)?.Name ?? name);

    private void Check(string name, long[] shape)
    {
        var tensor = Tensors.GetValueOrDefault(name);
        if (tensor is null || !tensor.Shape.SequenceEqual(shape))
        {
            throw Unfit(name, shape, tensor);
        }
    }

    private CheckpointException Unfit(string name, IReadOnlyList<long> shape, TensorInfo? tensor) => new(
        $"The adapter '{_adapter.Path}' changes tensor '{name}' of shape {TensorInfo.FormatShape(shape)}; the "
        + $"checkpoint '{_checkpoint.Path}' has "
        + $"{(tensor is null ? "none" : $"one of shape {TensorInfo.FormatShape(tensor.Shape)}")}. Use the model that "
        + $"it was trained on{(_adapter.BaseModel is { } model ? $", '{model}'" : "")}.", _adapter.Path, name);

    // The rows of the tensors that have one for each token.
    private long VocabularySize() =>
        TextConfig(_checkpoint.Config)["vocab_size"] is JsonValue value && value.TryGetValue<long>(out var size)
            ? size : 0;
}
