using Slipway.Tokenization;
using Slipway.Training.Data;
using Slipway.Training.Models;
using static TorchSharp.torch;

namespace Slipway.Training.Running;

/// <summary>Continues a stage's prompts by the most probable tokens, so that the log shows what is learned.</summary>
/// <remarks>Each token is computed from all before it: short texts of small models.</remarks>
/// <param name="tokenizer">The tokenizer.</param>
/// <param name="prompts">Each prompt as the recipe has it, and its tokens.</param>
/// <param name="endToken">The token that ends a text.</param>
/// <param name="maxTokens">The most tokens of a text.</param>
internal sealed class SampleTexts(
    HuggingFaceTokenizer tokenizer, IReadOnlyList<(string Text, int[] Ids)> prompts, int endToken, int maxTokens)
{
    /// <summary>Writes a text for each prompt by the weights as they are.</summary>
    public IEnumerable<(string Prompt, string Text)> Write(CausalLanguageModel model)
    {
        foreach (var (text, ids) in prompts)
        {
            yield return (text, tokenizer.Decode(Continue(model, ids), skipSpecialTokens: false));
        }
    }

    private int[] Continue(CausalLanguageModel model, int[] prompt)
    {
        var added = AddedTokens.Of(model);
        var ids = new List<long>(Enumerable.Range(-added.Virtual, added.Virtual).Select(id => (long)id));
        ids.AddRange(prompt.Select(id => (long)id));
        var (written, longest) = (new List<int>(), model.Config.MaxPositionEmbeddings - added.Prefix);
        using var untracked = no_grad();
        while (written.Count < maxTokens && ids.Count < longest)
        {
            using var scope = NewDisposeScope();
            using var layout = new Modules.SequenceLayout([ids.Count], added.Prefix);
            var logits = model.Logits(tensor(ids), layout, tensor(new[] { ids.Count - 1L }));
            var next = logits.argmax().item<long>();
            if (next == endToken)
            {
                break;
            }

            written.Add((int)next);
            ids.Add(next);
        }

        return [.. written];
    }
}
