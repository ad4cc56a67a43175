using System.Text.Json.Serialization;

namespace LoraSharp.Data;

/// <summary>Which end of a row that is too long stays.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<TruncationMode>))]
public enum TruncationMode
{
    /// <summary>The first tokens; an end-of-sequence token is lost.</summary>
    [JsonStringEnumMemberName("keep_start")]
    KeepStart,

    /// <summary>The last tokens.</summary>
    [JsonStringEnumMemberName("keep_end")]
    KeepEnd,
}
