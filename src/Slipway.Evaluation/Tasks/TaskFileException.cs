namespace Slipway.Evaluation.Tasks;

/// <summary>Says what is wrong with a file of a task, and in which line.</summary>
public sealed class TaskFileException : IOException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="path">The file.</param>
    /// <param name="line">The line, from 1; 0 where the whole file is meant.</param>
    /// <param name="message">What is wrong, what was expected and what to do.</param>
    /// <param name="cause">The error below it, if any.</param>
    public TaskFileException(string path, int line, string message, Exception? cause = null)
        : base(line > 0 ? $"'{path}', line {line}: {message}" : $"'{path}': {message}", cause)
        => (Path, Line) = (path, line);

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>The line, from 1; 0 where the whole file is meant.</summary>
    public int Line { get; }
}
