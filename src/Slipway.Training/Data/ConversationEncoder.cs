using System.Text.Json.Nodes;
using Slipway.Training.Running;

namespace Slipway.Training.Data;

/// <summary>Turns conversations into token sequences in which exactly what the assistant says is learned.</summary>
/// <remarks>
/// What the assistant says is what the chat template adds behind the prompt that it would have been asked with: the
/// text up to a turn, rendered with <c>add_generation_prompt</c>, is the prompt; the text with the turn, rendered
/// without, must begin with it. The two are tokenized apart, because that is how generation meets them. Turns whose
/// prompts continue each other become one sequence. Thread-safe if the functions are.
/// </remarks>
/// <param name="render">Renders the template's variables to text.</param>
/// <param name="encode">Tokenizes text in which special tokens are recognised.</param>
/// <param name="endToken">The token that ends a turn; what the template puts behind it is not learned.</param>
public sealed class ConversationEncoder(Func<JsonObject, string> render, Func<string, int[]> encode, int endToken)
{
    /// <summary>Renders a conversation as it would be shown to the model, for a tokenizer to learn from.</summary>
    public string Render(Conversation conversation)
    {
        ArgumentNullException.ThrowIfNull(conversation);
        return Render(conversation, conversation.Messages.Count, prompt: false);
    }

    /// <summary>
    /// Encodes a conversation: one sequence, or several where the template does not continue its own text.
    /// </summary>
    /// <param name="conversation">The conversation.</param>
    /// <param name="from">The first message that may be learned, counted from 0.</param>
    /// <returns>The token ids of each sequence, and which of them the assistant says.</returns>
    /// <exception cref="TrainingException">The template does not show where the assistant's turns begin.</exception>
    public IReadOnlyList<(int[] Ids, bool[] Learned)> Encode(Conversation conversation, int from = 0)
    {
        ArgumentNullException.ThrowIfNull(conversation);
        var sequences = new List<(int[], bool[])>(1);
        var (ids, learned) = (new List<int>(), new List<bool>());
        var done = "";   // the text that the sequence holds so far
        for (var index = 0; index < conversation.Messages.Count; index++)
        {
            if (conversation.Messages[index]?["role"]?.ToString() != "assistant")
            {
                continue;
            }

            var prompt = Render(conversation, index, prompt: true);
            var whole = Render(conversation, index + 1, prompt: false);
            if (!whole.StartsWith(prompt, StringComparison.Ordinal))
            {
                throw new TrainingException(
                    $"The chat template renders message {index + 1} in a way that does not continue its own generation "
                    + $"prompt, '{Tail(prompt)}', so what the assistant says cannot be told apart. Use a template "
                    + "whose text with the answer begins with the text that asks for it.");
            }

            if (done.Length > 0 && !prompt.StartsWith(done, StringComparison.Ordinal))
            {
                Flush(sequences, ids, learned);
                done = "";
            }

            Add(ids, learned, encode(prompt[done.Length..]), 0);
            var answer = encode(whole[prompt.Length..]);
            var end = Array.LastIndexOf(answer, endToken);
            Add(ids, learned, answer, index < from ? 0 : end < 0 ? answer.Length : end + 1);
            done = whole;
        }

        Flush(sequences, ids, learned);
        return sequences;
    }

    private static void Add(List<int> ids, List<bool> learned, int[] tokens, int learnedTokens)
    {
        for (var index = 0; index < tokens.Length; index++)
        {
            ids.Add(tokens[index]);
            learned.Add(index < learnedTokens);
        }
    }

    private static void Flush(List<(int[], bool[])> sequences, List<int> ids, List<bool> learned)
    {
        if (ids.Count > 0)
        {
            sequences.Add(([.. ids], [.. learned]));
            ids.Clear();
            learned.Clear();
        }
    }

    private string Render(Conversation conversation, int count, bool prompt)
    {
        var variables = new JsonObject
        {
            ["messages"] = new JsonArray([.. conversation.Messages.Take(count).Select(one => one?.DeepClone())]),
            ["add_generation_prompt"] = prompt,
        };
        if (conversation.Tools is { Count: > 0 } tools)
        {
            variables["tools"] = tools.DeepClone();
        }

        return render(variables);
    }

    private static string Tail(string text) => text.Length <= 40 ? text : text[^40..];
}
