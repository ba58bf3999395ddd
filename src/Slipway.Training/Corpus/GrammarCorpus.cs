using Slipway.Training.Data;

namespace Slipway.Training.Corpus;

/// <summary>Generates conversations from a grammar file and a seed.</summary>
/// <remarks>
/// A conversation is a function of the grammar, the seed, the split and its number alone, on every machine. The
/// held-out split shares no wording, no entity name and no set of offered tools with training. Thread-safe.
/// </remarks>
public sealed class GrammarCorpus : IConversationSource
{
    private const ulong EvaluationStreams = 1UL << 40;
    private const ulong HeldOutStreams = 1UL << 41;

    private readonly Grammar _grammar;
    private readonly ulong _seed;

    /// <summary>Reads a grammar file.</summary>
    /// <param name="path">The grammar; see <c>export-scripts/device-assistant.grammar.json</c>.</param>
    /// <param name="seed">The seed that every conversation follows from.</param>
    /// <param name="trainingCount">How many conversations <see cref="ReadTraining"/> gives.</param>
    /// <param name="evaluationCount">How many conversations <see cref="ReadEvaluation"/> gives.</param>
    /// <exception cref="GrammarException">The file is not a grammar.</exception>
    public GrammarCorpus(string path, ulong seed, int trainingCount, int evaluationCount)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentOutOfRangeException.ThrowIfNegative(trainingCount);
        ArgumentOutOfRangeException.ThrowIfNegative(evaluationCount);
        _grammar = GrammarReader.Read(path);
        (_seed, TrainingCount, EvaluationCount) = (seed, trainingCount, evaluationCount);
    }

    /// <summary>Number of conversations to train on.</summary>
    public int TrainingCount { get; }

    /// <summary>Number of conversations to measure the loss on while training.</summary>
    public int EvaluationCount { get; }

    internal Grammar Grammar => _grammar;

    /// <summary>Generates the conversations to train on.</summary>
    public IEnumerable<Conversation> ReadTraining() => Read(CorpusSplit.Training, 0, TrainingCount).Select(Plain);

    /// <summary>
    /// Generates held-out conversations to measure the loss on; none of them is in <see cref="ReadHeldOut"/>.
    /// </summary>
    public IEnumerable<Conversation> ReadEvaluation() =>
        Read(CorpusSplit.HeldOut, EvaluationStreams, EvaluationCount).Select(Plain);

    /// <summary>Generates held-out conversations to score a model on: its task is the last message.</summary>
    /// <param name="count">How many.</param>
    /// <param name="seed">Chooses other conversations of the held-out split.</param>
    public IEnumerable<CorpusConversation> ReadHeldOut(int count, uint seed = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        return Read(CorpusSplit.HeldOut, HeldOutStreams + ((ulong)seed << 42), count);
    }

    /// <summary>Generates requests as they are without a conversation, as many as there are conversations.</summary>
    /// <returns>What is asked for, the request, and another one that says the same; null where there are no other
    /// words.</returns>
    internal IEnumerable<(ToolFamily Family, Request Request, Request? Partner)> ReadRequests(bool isTraining)
    {
        var (split, first) = isTraining ? (CorpusSplit.Training, 0UL) : (CorpusSplit.HeldOut, EvaluationStreams);
        for (var number = 0; number < (isTraining ? TrainingCount : EvaluationCount); number++)
        {
            var writer = new RequestWriter(_grammar, SeededRandom.ForStream(_seed, first + (ulong)number), split);
            var request = writer.DrawUnserved([], out var family);
            yield return (family, request, writer.DrawParaphrase(request));
        }
    }

    internal IEnumerable<CorpusConversation> Read(CorpusSplit split, ulong first, int count)
    {
        for (var number = 0; number < count; number++)
        {
            var random = SeededRandom.ForStream(_seed, first + (ulong)number);
            yield return new ConversationWriter(_grammar, random, split).Write();
        }
    }

    private static Conversation Plain(CorpusConversation conversation)
        => new(conversation.Messages, conversation.Tools);
}
