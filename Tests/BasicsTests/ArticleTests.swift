import Basics
import Testing

@Suite struct ArticleTests {
    @Test(arguments: [
        ("role", "a role"), ("access", "an access"), ("int", "an int"), ("uint", "a uint"), ("optional_type", "an optional_type"),
        ("URL", "a URL"), ("unknown price", "an unknown price"), ("", "a "),
    ])
    func aNounHasItsArticle(_ noun: String, _ expected: String) {
        #expect(Article.with(noun) == expected)
    }

    @Test(arguments: [(0, "0 keys"), (1, "1 key"), (2, "2 keys")])
    func oneIsNoPlural(_ count: Int, _ expected: String) {
        #expect(Article.counted(count, "key") == expected)
    }
}
