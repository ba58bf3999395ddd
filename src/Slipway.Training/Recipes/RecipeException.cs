namespace Slipway.Training.Recipes;

/// <summary>Reports everything that is wrong in a training recipe.</summary>
public sealed class RecipeException : IOException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="path">The recipe file.</param>
    /// <param name="errors">What is wrong: full sentences, at least one.</param>
    public RecipeException(string path, IReadOnlyList<string> errors)
        : base($"The recipe '{path}' cannot be used. {string.Join(" ", errors)}")
    {
        Path = path;
        Errors = errors;
    }

    /// <summary>The recipe file.</summary>
    public string Path { get; }

    /// <summary>Faults, in full sentences.</summary>
    public IReadOnlyList<string> Errors { get; }
}
