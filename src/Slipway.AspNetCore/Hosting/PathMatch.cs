using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing.Template;
using Slipway.AspNetCore.Protocol;

namespace Slipway.AspNetCore.Hosting;

/// <summary>Tells paths that are asked for by a wrong method from those that are not there.</summary>
internal static class PathMatch
{
    /// <summary>Refuses a request whose path is one of the endpoints'; its method is not.</summary>
    /// <param name="http">The request; its route value <c>path</c> is the part after the prefix.</param>
    /// <param name="endpoints">The methods and the templates of all endpoints.</param>
    /// <exception cref="OpenAIException">There is an endpoint of another method.</exception>
    public static void RequireNone(HttpContext http, IEnumerable<(string Method, string Path)> endpoints)
    {
        var path = new PathString($"/{http.Request.RouteValues["path"]}");
        string[] methods =
        [
            .. endpoints.Where(row => new TemplateMatcher(TemplateParser.Parse(row.Path[1..]), [])
                .TryMatch(path, [])).Select(row => row.Method).Distinct(),
        ];
        if (methods.Length > 0)
        {
            http.Response.Headers.Allow = methods;
            throw new OpenAIException(
                405, $"'{OpenAIException.Excerpt(http.Request.Method)}' is not a method of "
                + $"'{OpenAIException.Excerpt(http.Request.Path)}'; expected {string.Join(" or ", methods)}.",
                code: "method_not_allowed");
        }
    }
}
