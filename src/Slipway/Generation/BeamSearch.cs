namespace Slipway.Generation;

/// <summary>Follows the most probable continuations of a prompt, step by step.</summary>
/// <remarks>Source: beam search of Hugging Face transformers 5, whose order of decisions this is.</remarks>
/// <param name="request">What to search for.</param>
/// <param name="endIds">The tokens that end an answer.</param>
/// <param name="limit">The most tokens of an answer.</param>
internal sealed class BeamSearch(BeamSearchRequest request, IReadOnlyCollection<int> endIds, int limit)
{
    private readonly HashSet<int> _ends = [.. endIds];
    private List<BeamAnswer> _finished = [];
    private bool _mayImprove = true;

    /// <summary>The continuations that go on, best first.</summary>
    public IReadOnlyList<Beam> Running { get; private set; } = [new Beam([], 0)];

    /// <summary>
    /// Number of most probable tokens that each continuation has to tell: enough that some do not end it.
    /// </summary>
    public int Candidates => Math.Max(2, 1 + _ends.Count) * request.NumBeams;

    /// <summary>The best answers, best first.</summary>
    public IReadOnlyList<BeamAnswer> Answers => [.. _finished.Take(request.NumReturnSequences)];

    private bool IsFull => _finished.Count == request.NumBeams;

    /// <summary>Takes the most probable next tokens of each running continuation.</summary>
    /// <returns>Whether the search goes on.</returns>
    public bool Step(IReadOnlyList<IReadOnlyList<TokenLogProbability>> candidates)
    {
        var length = Running[0].Ids.Length + 1;
        var best = Running
            .Zip(candidates, (beam, tokens) => tokens.Select(token
                => (Parent: beam, token.Id, Score: beam.Score + token.LogProbability)))
            .SelectMany(tokens => tokens)
            .Where(token => token.Score > double.NegativeInfinity)
            .OrderByDescending(token => token.Score)
            .Take(Candidates)
            .ToArray();
        var norm = Math.Pow(length, request.LengthPenalty);
        if (_mayImprove && !(IsFull && request.EarlyStopping))
        {
            // An end only counts where it is among as many best tokens as there are beams.
            var ended = best.Take(request.NumBeams).Where(token => Ends(token.Id)).Select(token => new BeamAnswer(
                [.. token.Parent.Ids, token.Id],
                token.Score / norm,
                _ends.Contains(token.Id) ? FinishReason.Stop : FinishReason.Length));
            _finished = [.. _finished.Concat(ended).OrderByDescending(answer => answer.Score).Take(request.NumBeams)];
        }

        Running = [.. best.Where(token => !Ends(token.Id)).Take(request.NumBeams)
            .Select(token => new Beam([.. token.Parent.Ids, token.Id], token.Score))];
        if (Running.Count == 0)
        {
            return false;
        }

        _mayImprove = _mayImprove && (!IsFull || Running[0].Score / norm > _finished[^1].Score);
        return _mayImprove && !(IsFull && request.EarlyStopping);

        bool Ends(int id) => length == limit || _ends.Contains(id);
    }

    /// <summary>A continuation and the natural logarithm of its probability.</summary>
    internal sealed record Beam(int[] Ids, double Score);
}
