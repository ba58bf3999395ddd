using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Options;

namespace Slipway.AspNetCore.Responses;

/// <summary>Keeps responses with the conversations that led to them, in SQLite: in a file, or in memory.</summary>
/// <remarks>
/// A response is on disk when it is told to the client. The oldest ones leave where there are more than the options
/// say. Safe for concurrent use: writers take turns.
/// </remarks>
internal sealed class ResponseStore : IDisposable
{
    private readonly SqliteConnection _connection;
    private readonly SemaphoreSlim _turn = new(1);
    private readonly int _max;

    /// <summary>Opens the file, or a store in memory where none is named.</summary>
    /// <exception cref="InvalidDataException">The file is none of SQLite's, or cannot be written.</exception>
    public ResponseStore(IOptions<OpenAIServerOptions> options)
    {
        _max = options.Value.MaxStoredResponses;
        _connection = new SqliteConnection(new SqliteConnectionStringBuilder
        {
            DataSource = options.Value.ResponsesPath ?? ":memory:",
        }.ToString());
        try
        {
            _connection.Open();
            Run("PRAGMA journal_mode = WAL");
            Run("PRAGMA synchronous = FULL");
            Run("""
                CREATE TABLE IF NOT EXISTS responses (
                    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, owner TEXT NOT NULL,
                    response TEXT NOT NULL, input TEXT NOT NULL, conversation TEXT NOT NULL)
                """);
        }
        catch (SqliteException exception)
        {
            _connection.Dispose();
            throw new InvalidDataException(
                $"The file '{options.Value.ResponsesPath}' cannot keep responses: {exception.Message} Name a file in a "
                + "folder that can be written, or none.",
                exception);
        }
    }

    /// <summary>Keeps a response.</summary>
    /// <param name="stored">The response with what led to it.</param>
    public Task AddAsync(StoredResponse stored) => InTurnAsync(() =>
    {
        Run(
            """
            INSERT INTO responses (id, owner, response, input, conversation)
            VALUES ($id, $owner, $response, $input, $conversation)
            """,
            ("$id", stored.Id), ("$owner", stored.Owner), ("$response", stored.Response), ("$input", stored.Input),
            ("$conversation", stored.Conversation));
        return Run(
            """
            DELETE FROM responses WHERE number <= (SELECT MAX(number) FROM responses) - $max
            """,
            ("$max", _max));
    });

    /// <summary>Finds a response of an owner; null where there is none.</summary>
    public Task<StoredResponse?> FindAsync(string id, string owner) => InTurnAsync(() =>
    {
        using var command = NewCommand(
            "SELECT response, input, conversation FROM responses WHERE id = $id AND owner = $owner", ("$id", id),
            ("$owner", owner));
        using var reader = command.ExecuteReader();
        return reader.Read()
            ? new StoredResponse(id, owner, reader.GetString(0), reader.GetString(1), reader.GetString(2)) : null;
    });

    /// <summary>Deletes a response of an owner; false where there is none.</summary>
    public Task<bool> DeleteAsync(string id, string owner) => InTurnAsync(
        () => Run("DELETE FROM responses WHERE id = $id AND owner = $owner", ("$id", id), ("$owner", owner)) > 0);

    public void Dispose()
    {
        _connection.Dispose();
        _turn.Dispose();
    }

    private async Task<T> InTurnAsync<T>(Func<T> work)
    {
        await _turn.WaitAsync().ConfigureAwait(false);
        try
        {
            return await Task.Run(work).ConfigureAwait(false);
        }
        finally
        {
            _turn.Release();
        }
    }

    private int Run(string sql, params (string Name, object Value)[] values)
    {
        using var command = NewCommand(sql, values);
        return command.ExecuteNonQuery();
    }

    // Texts are constants here; what comes from requests are parameters.
#pragma warning disable CA2100
    private SqliteCommand NewCommand(string sql, params (string Name, object Value)[] values)
    {
        var command = _connection.CreateCommand();
        command.CommandText = sql;
        foreach (var (name, value) in values)
        {
            command.Parameters.AddWithValue(name, value);
        }

        return command;
    }
#pragma warning restore CA2100
}

/// <summary>Holds a response as it is kept.</summary>
/// <param name="Id">The response's id.</param>
/// <param name="Owner">Tells the key that asked for it apart from others.</param>
/// <param name="Response">The response, as JSON.</param>
/// <param name="Input">The items that it answered, as a JSON array.</param>
/// <param name="Conversation">All items before the next request, the response's own included, as a JSON array.</param>
internal sealed record StoredResponse(string Id, string Owner, string Response, string Input, string Conversation);
