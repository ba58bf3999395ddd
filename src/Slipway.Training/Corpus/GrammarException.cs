namespace Slipway.Training.Corpus;

/// <summary>Tells what is wrong in a grammar file, and where.</summary>
public sealed class GrammarException : IOException
{
    /// <summary>Creates the error.</summary>
    /// <param name="path">The grammar file.</param>
    /// <param name="place">The place in the file, such as <c>families[2].intents[0]</c>.</param>
    /// <param name="problem">What is wrong and what was expected, as a sentence without its subject.</param>
    public GrammarException(string path, string place, string problem)
        : base($"'{place}' in '{path}' {problem}")
    {
        Path = path;
        Place = place;
    }

    /// <summary>The grammar file.</summary>
    public string Path { get; }

    /// <summary>The place in the file.</summary>
    public string Place { get; }
}
