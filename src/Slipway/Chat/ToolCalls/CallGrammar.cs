using Slipway.Guidance;
using Slipway.Guidance.Json;
using static Slipway.Guidance.GrammarElement;

namespace Slipway.Chat;

/// <summary>Builds the parts that the grammars of several tool-call formats share.</summary>
internal static class CallGrammar
{
    /// <summary>White space between markup and what it encloses.</summary>
    public static GrammarElement Margin { get; } = Repeat(AnyOf(" \n"), 0, 2);

    /// <summary><c>{"name": …, "arguments": {…}}</c> for one of the functions.</summary>
    public static GrammarElement Object(IReadOnlyList<OfferedFunction> functions, JsonCallKeys? keys = null)
    {
        keys ??= JsonCallKeys.Usual;
        var call = Sequence(Literal($"\"{keys.Name}\""), AfterName(functions, keys.Arguments));
        var start = Sequence(Literal("{"), JsonGrammar.Space);
        return keys.Before.Length == 0
            ? Sequence(start, call)
            : Sequence(start, OneOf(call, Sequence(Literal(keys.Before), call, Literal(keys.After))));
    }

    /// <summary>Grammar behind <c>{"name"</c> of such an object.</summary>
    /// <param name="functions">The functions.</param>
    /// <param name="argumentsKey">The name of the arguments.</param>
    /// <param name="alwaysHasArguments">Whether the arguments of a function that requires none must be given
    /// too.</param>
    public static GrammarElement AfterName(
        IReadOnlyList<OfferedFunction> functions, string argumentsKey, bool alwaysHasArguments = false)
    {
        var literals = new JsonLiterals(escapesMarkup: false);
        return Sequence(JsonGrammar.Colon, OneOf([.. functions.Select(Member)]), JsonGrammar.Space, Literal("}"));

        GrammarElement Member(OfferedFunction function)
        {
            var arguments = Sequence(
                JsonGrammar.Comma, Literal($"\"{argumentsKey}\""), JsonGrammar.Colon, function.Arguments);
            return Sequence(
                Literal(literals.Write(function.Name)),
                function.Required.Count == 0 && !alwaysHasArguments ? Optional(arguments) : arguments);
        }
    }

    /// <summary>A JSON list of such objects.</summary>
    public static GrammarElement List(
        IReadOnlyList<OfferedFunction> functions, bool several, JsonCallKeys? keys = null)
        => Sequence(Literal("["), AfterBracket(Object(functions, keys), several));

    /// <summary>Grammar behind the bracket that opens a list of calls.</summary>
    public static GrammarElement AfterBracket(GrammarElement call, bool several)
        => Sequence(
            JsonGrammar.Space, call,
            several ? Repeat(Sequence(JsonGrammar.Comma, call), 0) : Empty,
            JsonGrammar.Space, Literal("]"));

    /// <summary>A call, or several of them with nothing but white space between.</summary>
    public static GrammarElement OneOrMore(GrammarElement call, bool several)
        => several ? Sequence(call, Repeat(Sequence(Margin, call), 0)) : call;
}
