using System.Diagnostics;
using System.Globalization;

namespace Slipway.Evaluation.Bench.Serving;

/// <summary>Asks for tool calls whose arguments stand in the prompt, with guesses from it and without.</summary>
/// <remarks>
/// Notes are to be saved: the prompt shows some with the calls that save them, then one more, whose call the answer is
/// to be. What the model makes of it is its own; where it does not repeat the note, guesses are wrong.
/// </remarks>
/// <param name="model">The model.</param>
/// <param name="seed">The seed that the notes are drawn from.</param>
internal sealed class RepetitionWorkload(LanguageModel model, int seed)
{
    private const int Examples = 3;
    private const int Words = 48;
    private const int DraftTokens = 16;

    private static readonly string[] Vocabulary =
        ("the a of and to in on with from before after every some old new small blue green cold warm early late "
            + "quiet garden kitchen window door letter table river bridge market train station morning evening winter "
        + "summer doctor teacher neighbour sister brother child dog bird bread coffee paper lamp clock money music "
        + "picture street school work rain")
        .Split(' ');

    private readonly Random _random = new(seed);

    /// <summary>
    /// Tells whether the model has a tokenizer, and a context that such a prompt and its answer leave room in.
    /// </summary>
    public bool IsPossible
    {
        get
        {
            if (model.Package.FindFile("tokenizer.json") is null)
            {
                return false;
            }

            var request = NextRequest();
            return 1.25 * (request.PromptIds.Count + request.MaxOutputTokens!.Value) < model.ContextLength;
        }
    }

    /// <summary>Tokens a second after the first, with guesses and without, for the same prompt.</summary>
    public async Task<(double With, double Without)> RunAsync(CancellationToken cancellationToken)
    {
        var request = NextRequest();
        var without = await RateAsync(request with { DraftTokens = 0 }, cancellationToken).ConfigureAwait(false);
        return (await RateAsync(request with { DraftTokens = DraftTokens }, cancellationToken)
            .ConfigureAwait(false), without);
    }

    private GenerationRequest NextRequest()
    {
        var (notes, last) = (Enumerable.Range(0, Examples).Select(Line), Note(Examples));
        var prompt = $"{string.Concat(notes)}Note: {last}\nCall:";
        var answer = model.Tokenizer.Encode($"{Call(last)}\n", addSpecialTokens: false).Length;
        return new GenerationRequest
        {
            PromptIds = model.Tokenizer.Encode(prompt, addSpecialTokens: true),
            MaxOutputTokens = answer,
            IgnoreEndOfSequence = true,
        };

        string Line(int index)
        {
            var note = Note(index);
            return $"Note: {note}\nCall:{Call(note)}\n\n";
        }
    }

    private static string Call(string note) => $$$""" {"name": "save_note", "arguments": {"text": "{{{note}}}"}}""";

    private string Note(int index)
    {
        var words = Enumerable.Range(0, Words).Select(_ => Vocabulary[_random.Next(Vocabulary.Length)]);
        return string.Create(CultureInfo.InvariantCulture, $"{index + 1}. {string.Join(' ', words)}");
    }

    private async Task<double> RateAsync(GenerationRequest request, CancellationToken cancellationToken)
    {
        var times = new List<long>();
        await foreach (var token in model.GenerateAsync(request, cancellationToken).ConfigureAwait(false))
        {
            _ = token;
            times.Add(Stopwatch.GetTimestamp());
        }

        return (times.Count - 1) / Stopwatch.GetElapsedTime(times[0], times[^1]).TotalSeconds;
    }
}
