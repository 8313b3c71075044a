import t from 'tap'
import fc from 'fast-check'
import { authorizationFields } from '../../lib/authentication/authorization-field.ts'

t.test('authn H2: the field name and the scheme are read in any case', async (t) => {
  t.same(authorizationFields(['Host', 'a', 'aUTHORIZATIOn', 'bEaReR abc']), [{ scheme: 'bearer', rest: 'abc' }])
})

t.test('authn H3: several spaces may follow the scheme; what follows them is left alone', async (t) => {
  t.same(authorizationFields(['authorization', 'Bearer    a b ']), [{ scheme: 'bearer', rest: 'a b ' }])
  t.same(authorizationFields(['authorization', 'Bearer']), [{ scheme: 'bearer', rest: '' }])
  t.same(authorizationFields(['authorization', 'Bearer   ']), [{ scheme: 'bearer', rest: '' }])
  t.same(authorizationFields(['authorization', 'Bearer \tabc']), [{ scheme: 'bearer', rest: '\tabc' }])
})

t.test('authn H11: every line is seen, also the second one and an identical one', async (t) => {
  t.same(authorizationFields(['Authorization', 'Bearer a', 'X', 'y', 'AUTHORIZATION', 'Bearer a', 'authorization', 'Basic b']), [
    { scheme: 'bearer', rest: 'a' }, { scheme: 'bearer', rest: 'a' }, { scheme: 'basic', rest: 'b' },
  ])
})

t.test('a line that does not begin with a scheme counts as nothing sent', async (t) => {
  for (const value of ['', ' ', '   ', ' Bearer a', 'Bearer\tabc', 'Bearer,a', '"Bearer" a', 'Bärer a', 'Bea\0rer a', '=']) {
    t.same(authorizationFields(['Authorization', value]), [{ scheme: '', rest: '' }], JSON.stringify(value))
  }
})

t.test('other fields are not looked at', async (t) => {
  t.same(authorizationFields([]), [])
  t.same(authorizationFields(['Proxy-Authorization', 'Basic a', 'authorizatiom', 'Basic a', 'x-value', 'authorization', 'authorization']), [])
})

t.test('whatever is sent, each line gives one field with a lower-case token or nothing as its scheme', async (t) => {
  const value = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: fc.constantFrom('B', 'a', ' ', '\t', ',', '=', '\xff', '\0') }))
  fc.assert(fc.property(fc.array(fc.tuple(fc.constantFrom('Authorization', 'authorization', 'Cookie', ''), value), { maxLength: 4 }), (lines) => {
    const fields = authorizationFields(lines.flat())
    if (fields.length !== lines.filter(([name]) => name.toLowerCase() === 'authorization').length) return false
    for (const { scheme, rest } of fields) {
      if (!/^[!#$%&'*+\-.^_`|~0-9a-z]*$/.test(scheme) || rest.startsWith(' ')) return false
    }
    return true
  }))
  t.pass()
})
