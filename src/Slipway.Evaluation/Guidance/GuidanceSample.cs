namespace Slipway.Evaluation.Guidance;

/// <summary>A tool list such as assistants have, and answers that call its tools.</summary>
internal static class GuidanceSample
{
    public const string Tools =
        """
        [
          {"name": "get_weather", "parameters": {"type": "object", "properties": {
            "location": {"type": "string", "description": "City and country"},
            "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
            "days": {"type": "integer", "minimum": 1, "maximum": 14}}, "required": ["location"]}},
          {"name": "send_email", "parameters": {"type": "object", "properties": {
            "to": {"type": "array", "items": {"type": "string", "format": "email"}, "minItems": 1, "maxItems": 20},
            "subject": {"type": "string", "maxLength": 120}, "body": {"type": "string"},
            "priority": {"type": "string", "enum": ["low", "normal", "high"]}}, "required": ["to", "subject", "body"]}},
          {"name": "create_event", "parameters": {"type": "object", "properties": {
            "title": {"type": "string", "minLength": 1, "maxLength": 80}, "start": {"type": "string", "format": "date-time"},
            "end": {"type": "string", "format": "date-time"}, "attendees": {"type": "array", "items": {"type": "object",
              "properties": {"name": {"type": "string"}, "email": {"type": "string", "format": "email"}}, "required": ["email"]}},
            "reminder": {"anyOf": [{"type": "integer", "minimum": 0, "maximum": 1440}, {"type": "null"}]}},
            "required": ["title", "start"]}},
          {"name": "search_products", "parameters": {"type": "object", "properties": {
            "query": {"type": "string"}, "category": {"type": "string", "enum": ["books", "games", "garden", "kitchen", "music"]},
            "max_price": {"type": "number", "exclusiveMinimum": 0, "maximum": 100000}, "in_stock": {"type": "boolean"},
            "sort": {"type": "string", "enum": ["price", "rating", "newest"]}}, "required": ["query"]}},
          {"name": "set_light", "parameters": {"type": "object", "properties": {
            "room": {"type": "string", "enum": ["kitchen", "bedroom", "bathroom", "living room", "office", "hall"]},
            "on": {"type": "boolean"}, "brightness": {"type": "integer", "minimum": 0, "maximum": 100},
            "color": {"type": "string", "pattern": "^#[0-9a-f]{6}$"}}, "required": ["room", "on"]}},
          {"name": "convert_currency", "parameters": {"type": "object", "properties": {
            "amount": {"type": "number", "minimum": 0}, "from": {"type": "string", "pattern": "^[A-Z]{3}$"},
            "to": {"type": "string", "pattern": "^[A-Z]{3}$"}}, "required": ["amount", "from", "to"]}},
          {"name": "run_query", "parameters": {"type": "object", "properties": {
            "table": {"type": "string"}, "filter": {"$ref": "#/$defs/filter"}, "limit": {"type": "integer", "minimum": 1}},
            "required": ["table"], "$defs": {"filter": {"anyOf": [
              {"type": "object", "properties": {"field": {"type": "string"}, "is": {"type": ["string", "number", "boolean"]}},
                "required": ["field", "is"], "additionalProperties": false},
              {"type": "object", "properties": {"and": {"type": "array", "items": {"$ref": "#/$defs/filter"}, "minItems": 2}},
                "required": ["and"], "additionalProperties": false}]}}}},
          {"name": "get_time", "parameters": {"type": "object", "properties": {}}}
        ]
        """;

    public static IReadOnlyList<string> Calls { get; } =
    [
        """{"name": "get_weather", "arguments": {"location": "Oslo, Norway", "unit": "celsius", "days": 3}}""",
        """{"name": "send_email", "arguments": {"to": ["ann.lee@example.com", "bo@example.org"], "subject": "Minutes of today's meeting", "body": "Dear all,\n\nplease find the minutes below. We agreed to ship on Friday.\n\nBest wishes, Kim", "priority": "high"}}""",
        """{"name": "create_event", "arguments": {"title": "Dentist", "start": "2026-03-05T14:30:00Z", "attendees": [{"name": "Sam", "email": "sam@example.com"}], "reminder": 60}}""",
        """{"name": "search_products", "arguments": {"query": "cast iron pan 28 cm", "category": "kitchen", "max_price": 79.95, "in_stock": true, "sort": "rating"}}""",
        """{"name": "set_light", "arguments": {"room": "living room", "on": true, "brightness": 40, "color": "#ffaa33"}}""",
        """{"name": "convert_currency", "arguments": {"amount": 1250.5, "from": "EUR", "to": "JPY"}}""",
        """{"name": "run_query", "arguments": {"table": "orders", "filter": {"and": [{"field": "status", "is": "open"}, {"field": "total", "is": 100}]}, "limit": 25}}""",
        """{"name": "get_time", "arguments": {}}""",
    ];
}
