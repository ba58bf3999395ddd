using Microsoft.Extensions.AI;

namespace Slipway.Evaluation.Tasks;

/// <summary>Holds a question, the examples before it, and how the answer is to be given.</summary>
/// <param name="Question">The question, with the words that its answer follows.</param>
/// <param name="Shots">Examples with their answers.</param>
/// <param name="MaxOutputTokens">The longest answer.</param>
internal sealed record TaskPrompt(string Question, IReadOnlyList<TaskShot> Shots, int MaxOutputTokens)
{
    private const string Between = "\n\n";

    /// <summary>Texts that end an answer in plain text, beside the empty line where there are examples.</summary>
    public IReadOnlyList<string> Stop { get; init; } = [];

    /// <summary>Tells whether an empty line ends an answer in plain text.</summary>
    public bool EndsAtEmptyLine { get; init; } = true;

    public double Temperature { get; init; }

    public int Seed { get; init; }

    /// <summary>Gets the answer: as a turn of a chat, or as the continuation of a text.</summary>
    public async Task<string> AskAsync(TaskSubject subject, bool plainText, CancellationToken cancellationToken)
        => subject.Chats && !plainText
            ? await ChatAsync(subject.Client, cancellationToken).ConfigureAwait(false)
            : await ContinueAsync(
                subject.RequireModel("A prompt in plain text is continued by a model."), cancellationToken)
                .ConfigureAwait(false);

    private async Task<string> ChatAsync(IChatClient client, CancellationToken cancellationToken)
    {
        List<ChatMessage> messages = [];
        foreach (var shot in Shots)
        {
            messages.Add(new ChatMessage(ChatRole.User, shot.Question));
            messages.Add(new ChatMessage(ChatRole.Assistant, shot.Answer));
        }

        messages.Add(new ChatMessage(ChatRole.User, Question));
        var options = new ChatOptions
        {
            Temperature = (float)Temperature,
            MaxOutputTokens = MaxOutputTokens,
            Seed = Temperature > 0 ? Seed : null,
        };
        var response = await client.GetResponseAsync(messages, options, cancellationToken).ConfigureAwait(false);
        return response.Text;
    }

    private async Task<string> ContinueAsync(LanguageModel model, CancellationToken cancellationToken)
    {
        var text = string.Concat(Shots.Select(shot => $"{shot.Question} {shot.Answer}{Between}")) + Question;
        var answer = new System.Text.StringBuilder();
        var request = new GenerationRequest
        {
            PromptIds = model.Tokenizer.Encode(text, addSpecialTokens: true),
            MaxOutputTokens = MaxOutputTokens,
            StopSequences = EndsAtEmptyLine ? [.. Stop, Between] : Stop,
            Sampling = Temperature > 0
                ? new SamplingOptions { Temperature = Temperature, Seed = Seed }
                : new SamplingOptions(),
        };
        await foreach (var token in model.GenerateAsync(request, cancellationToken).ConfigureAwait(false))
        {
            answer.Append(token.Text);
        }

        return answer.ToString();
    }
}

/// <summary>Holds an example of a task.</summary>
/// <param name="Question">The question, with the words that its answer follows.</param>
/// <param name="Answer">The right answer.</param>
internal sealed record TaskShot(string Question, string Answer);
