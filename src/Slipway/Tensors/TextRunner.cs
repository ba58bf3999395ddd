using Slipway.Tokenization;

namespace Slipway.Tensors;

/// <summary>Runs a graph over texts: token ids in, a row of numbers for each text out.</summary>
internal sealed class TextRunner
{
    private const string Mask = "attention_mask";
    private const string Types = "token_type_ids";
    private const int MaxBatch = 32;

    private readonly OnnxTensorModel _model;
    private readonly HuggingFaceTokenizer _tokenizer;
    private readonly int _maxTokens;
    private readonly string _ids;
    private readonly TensorPort _output;
    private readonly bool _hasMask;

    /// <summary>Finds the graph's inputs and its output.</summary>
    /// <param name="model">The graph; it stays the caller's.</param>
    /// <param name="tokenizer">Makes the ids.</param>
    /// <param name="maxTokens">Longer texts are cut off.</param>
    /// <exception cref="NotSupportedException">
    /// The graph takes no ids, or gives no row for a text or a token.
    /// </exception>
    public TextRunner(OnnxTensorModel model, HuggingFaceTokenizer tokenizer, int maxTokens)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(tokenizer);
        ArgumentOutOfRangeException.ThrowIfLessThan(maxTokens, 1);
        (_model, _tokenizer, _maxTokens) = (model, tokenizer, maxTokens);
        var others = model.Inputs.Where(port => port.Name is not (Mask or Types)).ToArray();
        _ids = others is [{ Shape.Count: 2 } only] && only.ElementType == typeof(long) ? only.Name
            : throw new NotSupportedException(
                $"The graph '{model.Path}' is run over texts by one input of ids, int64 [batch, sequence], beside "
                + $"'{Mask}' and '{Types}'; it has {string.Join("; ", model.Inputs)}.");
        _output = model.Outputs.FirstOrDefault(port => port.ElementType == typeof(float)
                && port.Shape is [_, not null] or [_, _, not null])
            ?? throw new NotSupportedException(
                $"The graph '{model.Path}' gives no row of numbers for a text or a token; it has "
                + $"{string.Join("; ", model.Outputs)}.");
        _hasMask = model.Inputs.Any(port => port.Name == Mask);
    }

    /// <summary>The numbers of a row.</summary>
    public int Width => (int)_output.Shape[^1]!.Value;

    /// <summary>Tells whether the graph gives a row for each text rather than for each token.</summary>
    public bool IsPerText => _output.Shape.Count == 2;

    /// <summary>Runs.</summary>
    /// <returns>A row for each text, in their order, and the number of tokens of all.</returns>
    public async Task<(float[][] Rows, long Tokens)> RunAsync(
        IReadOnlyList<string> texts, CancellationToken cancellationToken)
    {
        var encoded = texts.Select(Encode).ToArray();
        var rows = new float[texts.Count][];
        foreach (var batch in Batches(encoded))
        {
            var answer = await _model.RunAsync(Inputs(encoded, batch), cancellationToken).ConfigureAwait(false);
            var values = answer.Elements<float>(_output.Name);
            var perText = values.Length / batch.Length;
            for (var row = 0; row < batch.Length; row++)
            {
                var part = values.AsSpan(row * perText, perText);
                rows[batch[row]] = _output.Shape.Count == 2
                    ? part.ToArray() : Mean(part, encoded[batch[row]].Length, Width);
            }
        }

        return (rows, encoded.Sum(ids => (long)ids.Length));
    }

    private int[] Encode(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var ids = _tokenizer.Encode(text, addSpecialTokens: true);
        return ids.Length == 0 ? throw new ArgumentException("A text is empty, and has no tokens to run over.")
            : ids.Length <= _maxTokens ? ids : ids[.._maxTokens];
    }

    // Without a mask a graph would take padding for text: only texts of one length go together.
    private IEnumerable<int[]> Batches(int[][] encoded)
        => Enumerable.Range(0, encoded.Length).OrderBy(index => encoded[index].Length)
            .GroupBy(index => _hasMask ? 0 : encoded[index].Length).SelectMany(group => group.Chunk(MaxBatch));

    private NamedTensors Inputs(int[][] encoded, int[] batch)
    {
        var length = batch.Max(index => encoded[index].Length);
        var ids = new long[batch.Length * length];
        var mask = new long[ids.Length];
        for (var row = 0; row < batch.Length; row++)
        {
            var text = encoded[batch[row]];
            for (var place = 0; place < text.Length; place++)
            {
                (ids[(row * length) + place], mask[(row * length) + place]) = (text[place], 1);
            }
        }

        NamedTensors inputs = new() { { _ids, ids, batch.Length, length } };
        if (_hasMask)
        {
            inputs.Add(Mask, mask, batch.Length, length);
        }

        if (_model.Inputs.Any(port => port.Name == Types))
        {
            inputs.Add(Types, new long[ids.Length], batch.Length, length);
        }

        return inputs;
    }

    // The mean over the tokens of a text, [sequence, width] → [width].
    private static float[] Mean(ReadOnlySpan<float> values, int tokens, int width)
    {
        var mean = new float[width];
        for (var token = 0; token < tokens; token++)
        {
            System.Numerics.Tensors.TensorPrimitives.Add(mean, values.Slice(token * width, width), mean);
        }

        System.Numerics.Tensors.TensorPrimitives.Divide(mean, tokens, mean);
        return mean;
    }
}
