namespace Slipway.Guidance;

/// <summary>
/// Finds the parts of a grammar that no text satisfies, so that none is begun. Source: Hopcroft and Ullman, 1979.
/// </summary>
internal static class Productivity
{
    private const int MaxElements = 500_000;

    /// <summary>The parts that can never end.</summary>
    /// <exception cref="NotSupportedException">The grammar is too large.</exception>
    public static HashSet<GrammarElement> Unproductive(GrammarElement root)
    {
        var missing = new Dictionary<GrammarElement, int>();
        var users = new Dictionary<GrammarElement, List<GrammarElement>>();
        var open = new Stack<GrammarElement>([root]);
        var productive = new Queue<GrammarElement>();
        while (open.TryPop(out var element))
        {
            if (missing.ContainsKey(element))
            {
                continue;
            }

            if (missing.Count == MaxElements)
            {
                throw new NotSupportedException(
                    $"The grammar has more than {MaxElements} parts. Make it smaller, and check the rest in your "
                    + "code.");
            }

            missing[element] = element.Needs;
            foreach (var part in element.Parts)
            {
                if (!users.TryGetValue(part, out var list))
                {
                    users[part] = list = [];
                }

                list.Add(element);
                open.Push(part);
            }

            if (element.Needs <= 0)
            {
                productive.Enqueue(element);
            }
        }

        var unproductive = missing.Keys.ToHashSet();
        while (productive.TryDequeue(out var element))
        {
            if (!unproductive.Remove(element))
            {
                continue;
            }

            foreach (var user in users.GetValueOrDefault(element) ?? [])
            {
                if (--missing[user] <= 0)
                {
                    productive.Enqueue(user);
                }
            }
        }

        return unproductive;
    }
}
