namespace Slipway.Guidance;

/// <summary>Finds rules that come back to themselves before a byte is taken, which have no end.</summary>
internal static class LeftRecursion
{
    /// <summary>The name of such a rule; null where there is none.</summary>
    public static string? Find(IReadOnlyDictionary<string, RuleElement> rules)
    {
        var nullable = new HashSet<GrammarElement>();
        for (var before = -1; before < nullable.Count;)
        {
            before = nullable.Count;
            nullable.UnionWith(rules.Values.Where(rule => IsNullable(rule.Definition)).ToArray());
        }

        var first = rules.ToDictionary(
            row => row.Value, row => (row.Key, Next: Firsts(row.Value.Definition).ToHashSet()));
        var done = new HashSet<RuleElement>();
        var isOpen = new HashSet<RuleElement>();
        foreach (var start in rules.Values)
        {
            // Depth first without recursion: a rule that is met while it is open leads to itself.
            var open = new List<(RuleElement Rule, Queue<RuleElement> Left)>();
            Enter(start);
            while (open.Count > 0)
            {
                var (rule, left) = open[^1];
                if (!left.TryDequeue(out var next))
                {
                    done.Add(rule);
                    isOpen.Remove(rule);
                    open.RemoveAt(open.Count - 1);
                }
                else if (isOpen.Contains(next))
                {
                    return first[next].Key;
                }
                else
                {
                    Enter(next);
                }
            }

            void Enter(RuleElement rule)
            {
                if (!done.Contains(rule))
                {
                    isOpen.Add(rule);
                    open.Add((rule, new(first[rule].Next)));
                }
            }
        }

        return null;

        bool IsNullable(GrammarElement element) => element switch
        {
            SequenceElement sequence => sequence.Parts.All(IsNullable),
            ChoiceElement choice => choice.Parts.Any(IsNullable),
            RepeatElement repeat => repeat.MayEnd || IsNullable(repeat.Element),
            RuleElement => nullable.Contains(element),
            _ => element is TerminalElement { MayEnd: true },
        };

        IEnumerable<RuleElement> Firsts(GrammarElement element) => element switch
        {
            SequenceElement sequence => FirstsOf(sequence.Parts),
            ChoiceElement choice => choice.Parts.SelectMany(Firsts),
            RepeatElement repeat => Firsts(repeat.Element),
            RuleElement rule => [rule],
            _ => [],
        };

        IEnumerable<RuleElement> FirstsOf(IReadOnlyList<GrammarElement> parts)
        {
            foreach (var part in parts)
            {
                foreach (var rule in Firsts(part))
                {
                    yield return rule;
                }

                if (!IsNullable(part))
                {
                    break;
                }
            }
        }
    }
}
