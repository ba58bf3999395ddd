using Slipway.Classifiers;
using Slipway.Tensors;
using Slipway.Tokenization;

namespace Slipway;

/// <summary>Labels texts with a graph, such as <c>OnnxModule.Export</c> writes of a classifier.</summary>
/// <remarks>
/// Safe for concurrent use. The graph takes ids, int64 [batch, sequence], and where it has them <c>attention_mask</c>
/// and <c>token_type_ids</c>; its first float32 output is the logits, [batch, labels]. The graph stays the caller's. A
/// package with labels of its own is served by <see cref="OnnxTextClassifier"/>.
/// </remarks>
public sealed class OnnxTensorClassifier
{
    private const int DefaultTokens = 512;

    private readonly TextRunner _runner;
    private readonly ModelLabels _labels;

    /// <summary>Creates a classifier over a graph.</summary>
    /// <param name="model">The graph.</param>
    /// <param name="tokenizer">Makes the ids.</param>
    /// <param name="labels">The labels' names, in the order of the logits.</param>
    /// <param name="severalMayFit">
    /// Tells whether each label is scored by itself (sigmoid), as one label alone is too, rather than among the others
    /// (softmax).
    /// </param>
    /// <param name="maxTokens">Longer texts are cut off.</param>
    /// <exception cref="ArgumentException">A label is missing, or their number is not that of the logits.</exception>
    /// <exception cref="NotSupportedException">The graph takes no ids, or gives no logits for a text.</exception>
    public OnnxTensorClassifier(
        OnnxTensorModel model, HuggingFaceTokenizer tokenizer, IReadOnlyList<string> labels, bool severalMayFit = false,
        int maxTokens = DefaultTokens)
    {
        ArgumentNullException.ThrowIfNull(labels);
        _runner = new TextRunner(model, tokenizer, maxTokens);
        if (!_runner.IsPerText)
        {
            throw new NotSupportedException(
                $"The graph '{model.Path}' gives a row for each token; logits [batch, labels] are needed.");
        }

        if (labels.Count != _runner.Width || labels.Any(string.IsNullOrWhiteSpace))
        {
            throw new ArgumentException(
                $"There are {labels.Count} labels ('{string.Join("', '", labels)}') for {_runner.Width} logits. Give "
                + "one name to each.", nameof(labels));
        }

        _labels = ModelLabels.Of([.. labels], severalMayFit);
    }

    /// <summary>Labels texts; those of one length, or all where the graph takes a mask, run together.</summary>
    /// <param name="texts">The texts.</param>
    /// <param name="cancellationToken">Ends the run, also in its middle.</param>
    /// <returns>The scores of each text, in their order.</returns>
    /// <exception cref="ArgumentException">A text is null, or has no tokens.</exception>
    public async Task<IReadOnlyList<TextClassification>> ClassifyAsync(
        IEnumerable<string> texts, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(texts);
        var (rows, _) = await _runner.RunAsync([.. texts], cancellationToken).ConfigureAwait(false);
        return [.. rows.Select(logits =>
        {
            var scores = _labels.Score(logits);
            return new TextClassification(
                [.. _labels.Names.Select((name, index) => new LabelScore(name, scores[index], logits[index]))]);
        })];
    }
}
